"""What a page with a captcha does with an answer to it: shared by the forms that visitors fill in."""

from django.conf import settings

from plumbing.errors import ActionError
from plumbing.requests import submit, within
from registration import captcha
from registration.actions import answer_captcha
from registration.forms import CaptchaCheck

TOO_MANY_ANSWERS = "Trop d'essais depuis votre connexion. Attendez une minute, puis recommencez."


def captcha_after(request):
    """What the captcha block shows after one of the form's inner buttons."""
    data = request.POST
    if "check_captcha" in data and not _may_answer(request):
        return captcha.fresh(TOO_MANY_ANSWERS)
    sent = CaptchaCheck(data)
    complete = sent.is_valid()
    key, answer = (sent.cleaned_data.get(name, "") for name in ("captcha_key", "captcha_answer"))
    if "check_captcha" in data and complete:
        try:
            answer_captcha(key, answer)
        except ActionError as refusal:
            return captcha.fresh(str(refusal))
        return captcha.Shown(key, answer, confirmed=True)
    if "new_captcha" in data or not captcha.is_live(key):
        return captcha.fresh()
    return captcha.Shown(key, answer, error=captcha.EMPTY if "check_captcha" in data else "")


def is_valid_with_captcha(request, form):
    """Whether all is right, captcha included: its answer is judged even when something else is wrong."""
    form.full_clean()
    answer = form.cleaned_data.get("captcha_answer")
    if answer and not _may_answer(request):
        form.add_error("captcha_answer", TOO_MANY_ANSWERS)
    elif answer:
        submit(form, answer_captcha, form.cleaned_data.get("captcha_key", ""), answer)
    return form.is_valid()


def _may_answer(request):
    """Every answer to a picture counts, whatever button sent it."""
    return within(request, "captcha_answer", settings.CAPTCHA_IMAGE_RATE)


def captcha_of(form):
    """What the captcha block shows above a form not taken: a right answer need not be given twice."""
    errors = form.errors.get("captcha_answer")
    key, answer = form["captcha_key"].value() or "", form["captcha_answer"].value() or ""
    if form.cleaned_data.get("captcha_answer"):
        return captcha.Shown(key, answer, confirmed=True)
    if form.refusal and captcha.is_live(key):
        return captcha.Shown(key, answer)
    return captcha.fresh(errors[0] if errors else "")
