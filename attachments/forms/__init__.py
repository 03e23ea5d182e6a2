from attachments.forms.requests import (
    PER_SERVICE,
    WHOLE,
    AskingForm,
    DayField,
    DecisionForm,
    RefusalForm,
    ScopeForm,
)
from attachments.forms.rights import DeputyForm, ExtensionForm, PersonalRightsForm, SecondaryRightsForm

__all__ = [
    "PER_SERVICE",
    "WHOLE",
    "AskingForm",
    "DayField",
    "DecisionForm",
    "DeputyForm",
    "ExtensionForm",
    "PersonalRightsForm",
    "RefusalForm",
    "ScopeForm",
    "SecondaryRightsForm",
]
