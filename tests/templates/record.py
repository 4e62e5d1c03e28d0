"""Writes beside each template what Python's Jinja2 makes of it, set up as for chat templates.

    pip install jinja2 && python3 record.py

The tests read the results and need no Python.
"""

import json
from datetime import datetime
from pathlib import Path

from jinja2 import nodes
from jinja2.exceptions import TemplateError
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

NOW = datetime(2026, 3, 7, 14, 5, 9)
SYSTEM = "You are a storyteller.\nBe brief."
REQUEST = "  Tell of the sea & a \"wolf\", 狼.\n"


class Generation(Extension):
    """`{% generation %}` blocks, which change no text."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


def raise_exception(message):
    raise TemplateError(message)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
environment.filters["tojson"] = tojson
environment.globals["raise_exception"] = raise_exception
environment.globals["strftime_now"] = NOW.strftime

for path in sorted(Path(__file__).parent.glob("*.jinja")):
    template = environment.from_string(path.read_text())
    results = []
    for system in (None, SYSTEM):
        for think in (False, True):
            messages = [{"role": "system", "content": system}] if system else []
            messages.append({"role": "user", "content": REQUEST})
            try:
                text = template.render(
                    messages=messages, tools=None, documents=None, add_generation_prompt=True,
                    enable_thinking=think, thinking=think, bos_token="<s>", eos_token="</s>",
                )
            except TemplateError as error:
                text = f"refused: {error}"
            what = f"{'system and ' if system else ''}request, {'thinking' if think else 'no thinking'}"
            results.append(f"=== {what}\n{text}\n")
    path.with_suffix(".txt").write_text("".join(results))
