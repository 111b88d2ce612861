"""What those who run the board do from a shell: ``dovetail --app magpie init-db``."""

import click

from dovetail import Blueprint

from . import database, demo, people, photos

commands = Blueprint("commands", __name__, cli_group=None)


@commands.cli.command("init-db")
@click.option("--demo-data", is_flag=True, help="Fill it with somebody's things.")
@click.confirmation_option(prompt="All that is on the board will be lost. Go on?")
def init_db(demo_data: bool) -> None:
    """Empty the board, and forget all accounts."""
    database.empty()
    photos.drop_all()
    if demo_data:
        demo.fill()
    click.echo("The board is empty." if not demo_data else "The board has demo data.")


@commands.cli.command("set-password")
@click.argument("name")
@click.password_option()
def set_password(name: str, password: str) -> None:
    """Give the user NAME another password, which logs NAME out everywhere."""
    if not people.set_password(name, password):
        raise click.ClickException(f"nobody is called {name!r}")
    click.echo(f"{name} has a new password.")
