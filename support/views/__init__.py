"""« Sollicitations »: `asking` for whoever is logged in, `visitors` for who cannot, `claims` for what a claim adds."""
