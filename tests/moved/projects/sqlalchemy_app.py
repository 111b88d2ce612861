"""A catalogue of books, written after the documentation of Flask-SQLAlchemy."""

import os

from flask import Flask, abort, jsonify, request, url_for
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.record_queries import get_recorded_queries
from flask_sqlalchemy.track_modifications import models_committed
from sqlalchemy import ForeignKey, String, event, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass


db = SQLAlchemy(model_class=Base)
state = os.environ["SITE_STATE"]
counts = {"committed": 0, "checked_in": 0, "checked_out": 0}


class Author(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    books: Mapped[list["Book"]] = relationship(back_populates="author")


class Book(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    author: Mapped[Author] = relationship(back_populates="books")


class Visit(db.Model):
    __bind_key__ = "visits"
    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str]


def create_app():
    app = Flask(__name__)
    app.config.update(
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{state}/books.db",
        SQLALCHEMY_BINDS={"visits": f"sqlite:///{state}/visits.db"},
        SQLALCHEMY_RECORD_QUERIES=True,
        SQLALCHEMY_TRACK_MODIFICATIONS=True,
    )
    db.init_app(app)
    with app.app_context():
        db.create_all()
        for number in range(3):
            author = Author(name=f"Author {number}")
            author.books = [Book(title=f"Book {number}-{n:02}") for n in range(15)]
            db.session.add(author)
        db.session.commit()

        @event.listens_for(db.engine, "checkout")
        def checked_out(*_):
            counts["checked_out"] += 1

        @event.listens_for(db.engine, "checkin")
        def checked_in(*_):
            counts["checked_in"] += 1

    return app


app = create_app()


@models_committed.connect_via(app)
def committed(sender, changes):
    counts["committed"] += len(changes)


@app.get("/books")
def list_books():
    page = db.paginate(db.select(Book).order_by(Book.title), max_per_page=30)
    return jsonify(
        titles=[book.title for book in page],
        page=page.page,
        pages=page.pages,
        total=page.total,
        following=url_for("list_books", page=page.next_num) if page.has_next else None,
        numbers=list(page.iter_pages()),
    )


@app.get("/authors/<int:key>")
def show_author(key):
    author = db.get_or_404(Author, key, description=f"no author {key}")
    return jsonify(id=author.id, name=author.name, books=len(author.books))


@app.get("/titles/<title>")
def show_title(title):
    book = db.one_or_404(db.select(Book).filter_by(title=title))
    return jsonify(title=book.title, author=book.author.name)


@app.get("/first")
def first():
    found = db.first_or_404(db.select(Author).filter_by(name=request.args["name"]))
    return jsonify(id=found.id)


@app.post("/authors")
def add_author():
    author = Author(name=request.get_json()["name"])
    db.session.add(author)
    db.session.commit()
    return jsonify(id=author.id), 201, {"Location": url_for("show_author", key=author.id)}


@app.post("/authors/<int:key>/forget")
def fail_half_way(key):
    """Leave a change in the session without a commit, and fail."""
    db.session.get(Author, key).name = "nobody"
    db.session.flush()
    raise RuntimeError("half way")


@app.route("/authors/<int:key>", methods=["DELETE"])
def remove_author(key):
    author = db.session.get(Author, key) or abort(404)
    db.session.delete(author)
    db.session.commit()
    return "", 204


@app.post("/visits/<path:path>")
def visit(path):
    db.session.add(Visit(path=path))
    db.session.commit()
    return jsonify(count=db.session.scalar(db.select(func.count()).select_from(Visit)))


@app.get("/queries")
def queries():
    db.session.execute(db.select(func.count()).select_from(Book)).scalar()
    recorded = get_recorded_queries()
    return jsonify(count=len(recorded), table="book" in recorded[0].statement)


@app.get("/counts")
def show_counts():
    return jsonify(counts)
