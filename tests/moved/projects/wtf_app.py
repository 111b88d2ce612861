"""Forms, written after the documentation of Flask-WTF."""

import os
from pathlib import Path

from flask import Blueprint, Flask, jsonify, redirect, render_template_string, request, session
from flask_wtf import FlaskForm
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf
from flask_wtf.file import FileAllowed, FileField, FileRequired, FileSize, MultipleFileField
from werkzeug.utils import secure_filename
from wtforms import BooleanField, EmailField, IntegerField, StringField
from wtforms.validators import DataRequired, Length, NumberRange, Optional, ValidationError

app = Flask(__name__)
app.config.update(SECRET_KEY="only for tests", WTF_CSRF_TIME_LIMIT=3600)
csrf = CSRFProtect(app)
uploads = Path(os.environ["SITE_STATE"])

PAGE = """<form method="post"{% if form.photo %} enctype="multipart/form-data"{% endif %}>
{{ form.hidden_tag() }}
{% for field in form if field.type != "CSRFTokenField" %}
{{ field.label }} {{ field() }}
{% for error in field.errors %}<p class="error">{{ field.name }}: {{ error }}</p>
{% endfor %}{% endfor %}
</form>"""


class PersonForm(FlaskForm):
    name = StringField("Name", validators=[DataRequired(), Length(max=10)])
    age = IntegerField("Age", validators=[Optional(), NumberRange(min=18)])
    mail = EmailField("Mail")
    news = BooleanField("News")

    def validate_name(self, field):
        if field.data == "root":
            raise ValidationError("is taken")


class UploadForm(FlaskForm):
    photo = FileField(
        validators=[FileRequired(), FileAllowed(["jpg", "png"], "Images only!"), FileSize(1000)]
    )
    more = MultipleFileField()


class SearchForm(FlaskForm):
    class Meta:
        csrf = False

    q = StringField(validators=[DataRequired()])


@app.route("/person", methods=["GET", "POST"])
def person():
    form = PersonForm()
    if form.validate_on_submit():
        session["person"] = {name: form[name].data for name in ("name", "age", "news")}
        return redirect("/done")
    return render_template_string(PAGE, form=form), 400 if form.is_submitted() else 200


@app.get("/done")
def done():
    return jsonify(session["person"])


@app.route("/upload", methods=["GET", "POST"])
def upload():
    form = UploadForm()
    if form.validate_on_submit():
        name = secure_filename(form.photo.data.filename)
        form.photo.data.save(uploads / name)
        return jsonify(name=name, more=[file.filename for file in form.more.data if file])
    return render_template_string(PAGE, form=form), 400 if form.is_submitted() else 200


@app.get("/search")
def search():
    form = SearchForm(request.args)
    return jsonify(valid=form.validate(), q=form.q.data, errors=form.errors)


@app.get("/token")
def token():
    return generate_csrf()


@app.get("/page-token")
def page_token():
    return render_template_string('<meta name="csrf-token" content="{{ csrf_token() }}">')


@app.post("/ajax")
def ajax():
    return jsonify(got=request.get_json())


@app.post("/hook")
@csrf.exempt
def hook():
    return "hooked"


hooks = Blueprint("hooks", __name__, url_prefix="/hooks")


@hooks.post("/one")
def one():
    return "one"


app.register_blueprint(hooks)
csrf.exempt(hooks)


@app.post("/limit/<int(signed=True):seconds>")
def limit(seconds):
    """Set how long tokens last."""
    app.config["WTF_CSRF_TIME_LIMIT"] = seconds
    return ""


csrf.exempt(limit)


@app.errorhandler(CSRFError)
def refused(error):
    return jsonify(reason=error.description), 400
