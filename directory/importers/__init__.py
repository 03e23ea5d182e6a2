"""Reading the public files the directory is loaded from, as streams and with flat memory.

`sources` opens a file, `headers` tells its kind, one module a kind turns its lines into
establishments (`portal`, `education`, `sirene`), `batches` sorts out what a batch of lines says,
`tables` compares it with the database and writes what differs. `directory.actions` runs it all.
"""

from directory.importers.education import EducationLayout
from directory.importers.portal import PortalLayout
from directory.importers.sirene import SireneLayout, UnitLayout

LAYOUTS = (UnitLayout, SireneLayout, EducationLayout, PortalLayout)
