"""What the site takes from outside of docs/: pictures and reports that pages link to as ``../``.

Such links work where Markdown is read in the repository; here their files become files of the site,
and their own links back into docs/ lose that name. Links to what the site does not hold (README.md,
CONTRIBUTING.md) become plain text.
"""

import os
import re

from mkdocs.structure.files import File

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KINDS = (".png", "RESULTS.md", "CHANGELOG.md")
LINK = re.compile(r"\[([^\]]*)\]\(\.\./([^)#]+)(#[^)]*)?\)")


def _of_the_site(path):
    return path.endswith(KINDS)


def on_files(files, config):
    """Add what the guides link to outside of docs/."""
    for page in list(files.documentation_pages()):
        if "/" in page.src_uri:
            continue
        for _, path, _ in LINK.findall(page.content_string):
            if _of_the_site(path) and not files.get_file_from_path(path):
                files.append(File.generated(config, path, abs_src_path=os.path.join(ROOT, path)))
    return files


def on_page_markdown(markdown, page, **_):
    """Point such links to where the files are in the site."""
    if "/" in page.file.src_uri:
        return markdown.replace("](../docs/", "](../")

    def inside(link):
        text, path, anchor = link.groups()
        return f"[{text}]({path}{anchor or ''})" if _of_the_site(path) else text

    return LINK.sub(inside, markdown)
