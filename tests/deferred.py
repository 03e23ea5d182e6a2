from accounts.tasks import answer_link_requests
from registration.tasks import carry_out_submissions


def work_off_everything():
    """What a worker does of the work that requests only write down."""
    answer_link_requests()
    carry_out_submissions()
