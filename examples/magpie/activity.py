"""What happens on the board, as signals: whoever wants to know connects to them.

Here the log does. Mail to the owner of an item, or a count for a dashboard, would be one function
more, and the views would stay as they are.
"""

from blinker import NamedSignal, Namespace

from dovetail import App, current_app

from .accounts import require_user

signals = Namespace()
item_posted = signals.signal("posted")
claim_made = signals.signal("claimed")
item_returned = signals.signal("returned")


def announce(signal: NamedSignal, item_id: int) -> None:
    """Send a signal: the application sends it, with the user's name and the item."""
    # Receivers get the application itself, which is what they may have asked for.
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    signal.send(app, event=signal.name, user=require_user()["name"], item_id=item_id)


@item_posted.connect
@claim_made.connect
@item_returned.connect
def log(app: App, *, event: str, user: str, item_id: int) -> None:
    app.logger.info("%s %s item %d", user, event, item_id)
