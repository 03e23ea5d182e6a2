from django.shortcuts import redirect
from django.views.decorators.http import require_safe


@require_safe
def my_subscriptions(request):
    return redirect("account")
