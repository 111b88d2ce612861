"""Letters, written after the documentation of Flask-Mail."""

import os

from flask import Flask, jsonify, request
from flask_mail import Attachment, BadHeaderError, Mail, Message, email_dispatched

app = Flask(__name__)
app.config.update(
    MAIL_SERVER="127.0.0.1",
    MAIL_PORT=int(os.environ["SMTP_PORT"]),
    MAIL_DEFAULT_SENDER=("The Tests", "tests@site.example"),
    MAIL_MAX_EMAILS=2,
)
mail = Mail(app)
sent = []


@email_dispatched.connect_via(app)
def dispatched(sender, message):
    sent.append(message.subject)


@app.post("/send")
def send():
    data = request.get_json()
    message = Message(
        data["subject"],
        recipients=data["to"],
        body=data.get("body"),
        html=data.get("html"),
        cc=data.get("cc"),
        bcc=data.get("bcc"),
        reply_to=data.get("reply_to"),
        extra_headers={"X-Site": app.name},
    )
    mail.send(message)
    return jsonify(sent=sent[-1])


@app.post("/attach")
def attach():
    message = Message("files", recipients=["a@site.example"], body="see there")
    with app.open_resource("letter.txt") as file:
        message.attach("letter.txt", "text/plain", file.read())
    upload = request.files["file"]
    message.attachments.append(Attachment(upload.filename, upload.mimetype, upload.read()))
    mail.send(message)
    return "", 204


@app.post("/many")
def many():
    with mail.connect() as connection:
        for number in range(5):
            connection.send(
                Message(f"number {number}", recipients=[f"{number}@site.example"], body="hello")
            )
    return "", 204


@app.post("/record")
def record():
    with mail.record_messages() as outbox:
        mail.send_message("recorded", recipients=["a@site.example"], body="hello")
    return jsonify([[message.subject, message.sender] for message in outbox])


@app.post("/suppress")
def suppress():
    quiet = Flask("quiet")
    quiet.config.update(app.config, MAIL_SUPPRESS_SEND=True, TESTING=True)
    Mail(quiet)
    with quiet.app_context():
        quiet.extensions["mail"].send_message("quiet", recipients=["a@site.example"], body="x")
    return "", 204


@app.errorhandler(BadHeaderError)
def bad_header(error):
    return "bad header", 400
