"""What OpenAI's own package reads of a server: every call as a writer's program makes it, read strictly.

Its one argument is where the server is. The first thing that is not so ends it.
"""

import sys

from openai import BadRequestError, NotFoundError, OpenAI

client = OpenAI(base_url=sys.argv[1] + "/v1", api_key="none", max_retries=0, timeout=60)

models = [model.id for model in client.models.list()]
name = models[0]
assert name + "@wave" in models, models
assert client.models.retrieve(name + "@wave").owned_by == "llamacpp"

asked = dict(model=name + "@wave", prompt="once upon ", max_tokens=12, seed=7)
whole = client.completions.create(**asked, logprobs=3, n=2)
assert [choice.index for choice in whole.choices] == [0, 1]
first = whole.choices[0]
assert first.finish_reason == "length" and whole.usage.completion_tokens == 24, whole
assert "".join(first.logprobs.tokens) == first.text and len(first.logprobs.token_logprobs) == 12, first
assert all(token in top for token, top in zip(first.logprobs.tokens, first.logprobs.top_logprobs)), first
assert first.logprobs.content[0]["bytes"] is not None
assert whole.afterword["preset"] == "wave" and whole.afterword["seed"] == 7, whole
assert client.completions.create(**{**asked, "seed": 8}).choices[0].text == whole.choices[1].text

chunks = list(client.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == first.text
assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens == 12
assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "length"

echo = client.completions.create(**asked, echo=True, logprobs=1).choices[0]
assert echo.text == asked["prompt"] + first.text and echo.logprobs.token_logprobs[0] is None, echo

greedy = dict(model=name + "@client", prompt="once upon ", max_tokens=12, temperature=0)
assert len({client.completions.create(**greedy, seed=seed).choices[0].text for seed in range(3)}) == 1

messages = [{"role": "system", "content": "a tale"}, {"role": "user", "content": [{"type": "text", "text": "once"}]}]
chat = dict(model=name, messages=messages, max_completion_tokens=9, seed=3, extra_body={"preset": "wave"})
said = client.chat.completions.create(**chat, logprobs=True, top_logprobs=5)
entries = said.choices[0].logprobs.content
assert "".join(entry.token for entry in entries) == said.choices[0].message.content and len(entries) == 9, said
assert all(len(entry.top_logprobs) >= 5 and entry.logprob <= 0 for entry in entries)
assert said.afterword["preset"] == "wave" and said.usage.total_tokens == said.usage.prompt_tokens + 9
with client.chat.completions.stream(**chat) as stream:
    told = "".join(event.delta for event in stream if event.type == "content.delta")
assert told == said.choices[0].message.content, told
begun = messages + [{"role": "assistant", "content": told[:4]}]
assert client.chat.completions.create(**{**chat, "messages": begun}).choices[0].message.content != ""

for error, call, words in [
    (BadRequestError, lambda: client.completions.create(**{**asked, "n": 1000}), "`n`"),
    (BadRequestError, lambda: client.completions.create(**asked, extra_body={"grammar": "root"}), "grammars"),
    (BadRequestError, lambda: client.chat.completions.create(model=name, messages=[]), "`messages`"),
    (NotFoundError, lambda: client.completions.create(**{**asked, "model": name + "@nobody"}), "nobody"),
]:
    try:
        call()
    except error as refused:
        assert words in refused.body["message"], refused.body
    else:
        raise AssertionError(words)
