"""An administration, written after the documentation of Flask-Admin."""

import os
from pathlib import Path

from flask import Flask, flash, redirect, request, session, url_for
from flask_admin import Admin, AdminIndexView, BaseView, expose
from flask_admin.actions import action
from flask_admin.contrib.fileadmin import FileAdmin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_babel import Babel
from flask_sqlalchemy import SQLAlchemy

state = Path(os.environ["SITE_STATE"])
files = state / "files"
files.mkdir()
(files / "readme.txt").write_text("read me")

app = Flask(__name__)
app.config.update(
    SECRET_KEY="only for tests", SQLALCHEMY_DATABASE_URI=f"sqlite:///{state}/admin.db"
)
db = SQLAlchemy(app)
# Flask-Admin wants it where it is installed.
Babel(app)


class Team(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(20), nullable=False, unique=True)

    def __str__(self):
        return self.name


class Player(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(20), nullable=False)
    goals = db.Column(db.Integer, default=0)
    team_id = db.Column(db.ForeignKey(Team.id))
    team = db.relationship(Team, backref="players")


class PlayerView(ModelView):
    column_searchable_list = ("name",)
    column_filters = ("goals",)
    column_editable_list = ("goals",)
    column_default_sort = "name"
    page_size = 5
    can_export = True
    can_view_details = True

    @action("double", "Double", "Double the goals?")
    def double(self, keys):
        for key in keys:
            player = db.session.get(Player, int(key))
            player.goals *= 2
        db.session.commit()
        flash(f"{len(keys)} doubled")


class TeamView(ModelView):
    form_base_class = SecureForm
    form_columns = ("name",)


class SecretView(BaseView):
    def is_accessible(self):
        return session.get("admin", False)

    def inaccessible_callback(self, name, **arguments):
        return redirect(url_for("log_in", next=request.path))

    @expose("/")
    def index(self):
        return self.render("secret.html", word="tea")

    @expose("/more/<int:number>", methods=["POST"])
    def more(self, number):
        return f"more {number} at {self.get_url('.more', number=number)}"


class Home(AdminIndexView):
    @expose("/")
    def index(self):
        return self.render("admin/index.html")

    @expose("/about")
    def about(self):
        return "about this administration"


admin = Admin(app, name="League", index_view=Home())
admin.add_view(PlayerView(Player, db))
admin.add_view(TeamView(Team, db, category="More"))
admin.add_view(SecretView(name="Secret", endpoint="secret"))
admin.add_view(FileAdmin(str(files), name="Files"))


@app.get("/log-in")
def log_in():
    session["admin"] = True
    return redirect(request.args["next"])


with app.app_context():
    db.create_all()
    db.session.add(Team(name="Reds"))
    db.session.add_all(Player(name=f"player {n}", goals=n, team_id=1) for n in range(8))
    db.session.commit()
