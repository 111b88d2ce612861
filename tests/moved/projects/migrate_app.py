"""A table that grows, written after the documentation of Flask-Migrate."""

import os

from flask import Flask, jsonify
from flask_migrate import Migrate, downgrade, upgrade
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import inspect

app = Flask(__name__)
state = os.environ["SITE_STATE"]
app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{state}/people.db"
db = SQLAlchemy(app)
migrate = Migrate(app, db, directory=f"{state}/migrations", render_as_batch=True)


class Person(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(20), nullable=False)
    if "WITH_MAIL" in os.environ:
        mail = db.Column(db.String(50))


@app.cli.command("seed")
def seed():
    """Add somebody."""
    db.session.add(Person(name="Ada"))
    db.session.commit()


@app.get("/columns")
def columns():
    return jsonify([column["name"] for column in inspect(db.engine).get_columns("person")])


@app.get("/people")
def people():
    found = db.session.scalars(db.select(Person)).all()
    return jsonify([[person.name, getattr(person, "mail", None)] for person in found])


@app.post("/upgrade")
def upgrade_database():
    upgrade()
    return "", 204


@app.post("/downgrade")
def downgrade_database():
    downgrade()
    return "", 204
