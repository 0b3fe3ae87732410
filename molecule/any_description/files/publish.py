"""Make what static routes serve, as the role uwsgi_service does: publish.py 'JSON of paths by application'."""

import json
import pathlib
import sys

for name, directories in json.loads(sys.argv[1]).items():
    public = pathlib.Path("/srv/flask", name, "public")
    for directory in directories:
        place = public / "0123456789ab" / directory
        (place / "pages").mkdir(parents=True, exist_ok=True)
        for page in ("page.txt", "index.html", "pages/app.html"):
            (place / page).write_text(f"page of {name}\n", encoding="utf-8")
    (public / "current").symlink_to("0123456789ab")
