"""What the library answers."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import condition, require_POST, require_safe

from library.forms import PaperForm
from library.models import Paper

REVISED = datetime(2024, 2, 29, 12, tzinfo=UTC)


@require_safe
def index(request):
    return render(request, "library/index.html", {"papers": Paper.objects.all()})


@require_safe
def echo(request, token):
    return JsonResponse({"token": token, "query": dict(request.GET.lists())})


def add_paper(request):
    form = PaperForm(request.POST or None, request.FILES or None)
    if form.is_valid():
        return redirect("scan", form.save().pk)
    return render(request, "library/new.html", {"form": form})


@require_safe
def scan(request, number):
    paper = get_object_or_404(Paper, pk=number)
    return FileResponse(paper.scan.open("rb"), as_attachment=True, filename=paper.title)


@csrf_exempt
@require_POST
def receive(request):
    """Say what Django made of an upload."""
    files = {
        name: {
            "filename": file.name,
            "size": file.size,
            "handled_by": type(file).__name__,
            "sha256": hashlib.file_digest(file.file, "sha256").hexdigest(),
        }
        for name, file in request.FILES.items()
    }
    return JsonResponse({"fields": request.POST.dict(), "files": files})


@csrf_exempt
def digest(request):
    total, size = hashlib.sha256(), 0
    while block := request.read(65536):
        total.update(block)
        size += len(block)
    length = request.META.get("CONTENT_LENGTH")
    return JsonResponse({"sha256": total.hexdigest(), "size": size, "content_length": length})


@require_safe
def lines(request, count):
    content = (f"{number}\n" for number in range(count))
    return StreamingHttpResponse(content, content_type="text/plain")


@gzip_page
@require_safe
def pages(request):
    return HttpResponse("All work and no play. " * 5000, content_type="text/plain")


@condition(etag_func=lambda request: '"3"', last_modified_func=lambda request: REVISED)
def catalogue(request):
    return HttpResponse("revised\n", content_type="text/plain")


@require_safe
def where(request):
    return JsonResponse(
        {
            "url": request.build_absolute_uri(),
            "secure": request.is_secure(),
            "client": request.META["REMOTE_ADDR"],
            "forwarded_for": request.META.get("HTTP_X_FORWARDED_FOR"),
        }
    )


@require_safe
def fail(request):
    raise ZeroDivisionError("as the test wanted")
