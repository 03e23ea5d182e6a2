"""Steps that several walks take."""

PASSWORD = "un long mot de passe"


def log_in(page, site, email, password=PASSWORD):
    page.goto(f"{site}/connexion/")
    page.get_by_label("Adresse de connexion").fill(email)
    page.get_by_label("Mot de passe").fill(password)
    page.get_by_role("button", name="Se connecter").click()
