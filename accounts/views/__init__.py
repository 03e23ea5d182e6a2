from accounts.views.doors import locked_out, session_ended

__all__ = ["locked_out", "session_ended"]
