"""The `openai` package against a running server: python openai_client.py http://127.0.0.1:PORT

Every check is one sentence of what a writer who uses that package relies on. The last line is `ok` and their number.
"""

import math
import sys

import openai

BASE = sys.argv[1]
CLIENT = openai.OpenAI(base_url=BASE + "/v1", api_key="none", max_retries=0)
PROMPT = "Once upon a time there lived"
DONE = 0


def law(holds, *what):
    global DONE
    if not holds:
        sys.exit("fails: " + " ".join(str(part) for part in what))
    DONE += 1


def streamed(chunks):
    """The text of a stream, its last chunk with a choice, and its chunks."""
    chunks = list(chunks)
    with_choice = [chunk for chunk in chunks if chunk.choices]
    return with_choice, chunks


def models():
    names = [model.id for model in CLIENT.models.list()]
    law(len(names) > 3, "the presets are models:", names)
    law(any(name.endswith("@wave") for name in names), "the wave is one of them:", names)
    law(CLIENT.models.retrieve(names[0]).id == names[0], "a model is found by its id")
    return names


def completions(name):
    ask = dict(model=name, prompt=PROMPT, max_tokens=24, seed=5, logprobs=3)
    whole = CLIENT.completions.create(**ask)
    choice = whole.choices[0]
    law(choice.finish_reason in ("stop", "length"), choice.finish_reason)
    law(whole.usage.completion_tokens == 24 or choice.finish_reason == "stop", whole.usage)
    law(whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens, whole.usage)
    logprobs = choice.logprobs
    law("".join(logprobs.tokens) == choice.text, "the tokens are the text")
    law(len(logprobs.token_logprobs) == len(logprobs.tokens) == len(logprobs.top_logprobs), "as many of each")
    law(all(math.isfinite(x) and x <= 0 for x in logprobs.token_logprobs), logprobs.token_logprobs)
    law(whole.model_extra["afterword"]["seed"] == 5, "the seed is told:", whole.model_extra)

    parts, chunks = streamed(CLIENT.completions.create(stream=True, **ask))
    law("".join(part.choices[0].text for part in parts) == choice.text, "streamed and whole are one text")
    told = [token for part in parts if part.choices[0].logprobs for token in part.choices[0].logprobs.tokens]
    law(told == logprobs.tokens, "streamed and whole have the same tokens")
    law(all(chunk.choices for chunk in chunks), "no chunk without a choice that nobody asked for")
    law(parts[-1].choices[0].finish_reason == choice.finish_reason, "the last chunk says why it ended")

    again = CLIENT.completions.create(**ask)
    law(again.choices[0].text == choice.text, "one seed is one story")
    several = CLIENT.completions.create(model=name, prompt=PROMPT, max_tokens=8, n=3, seed=5)
    law(sorted(choice.index for choice in several.choices) == [0, 1, 2], several.choices)
    law(len({choice.text for choice in several.choices}) > 1, "drafts differ")
    echoed = CLIENT.completions.create(model=name, prompt=PROMPT, max_tokens=4, seed=5, echo=True, logprobs=1)
    law(echoed.choices[0].text.startswith(PROMPT), echoed.choices[0].text)
    law(echoed.choices[0].logprobs.token_logprobs[0] is None, "the first token of all has no probability")
    law("".join(echoed.choices[0].logprobs.tokens) == echoed.choices[0].text, "the tokens of an echo are its text")
    stopped = CLIENT.completions.create(model=name, prompt=PROMPT, max_tokens=200, seed=5, stop=["."])
    law("." not in stopped.choices[0].text, stopped.choices[0].text)
    tokens = CLIENT.completions.create(model=name, prompt=[[1, 300, 301]], max_tokens=2, seed=5)
    law(tokens.usage.prompt_tokens == 3, tokens.usage)
    return choice.text


def presets(name, text):
    ask = dict(model=name, prompt=PROMPT, max_tokens=24, seed=5)
    greedy = CLIENT.completions.create(extra_body={"preset": "greedy"}, **ask)
    law(greedy.choices[0].text != text, "a preset in the body rules")
    law(greedy.model_extra["afterword"]["preset"] == "greedy", greedy.model_extra)
    by_name = CLIENT.completions.create(**{**ask, "model": name.split("@")[0] + "@greedy"})
    law(by_name.choices[0].text == greedy.choices[0].text, "a preset in the model's name is the same")
    ours = {"preset": "future", "set": {"future.alpha": 1}, "trace": "candidates"}
    traced = CLIENT.completions.create(extra_body={"afterword": ours}, logprobs=2, **ask)
    looked = [top for entry in traced.choices[0].logprobs.model_extra["content"] for top in entry["top_logprobs"]]
    law(any("future" in top.get("afterword", {}) for top in looked), "what was looked at has a future:", looked[:4])
    try:
        CLIENT.completions.create(extra_body={"preset": "no-such"}, **ask)
        law(False, "a preset that is none is refused")
    except openai.NotFoundError as error:
        law("no-such" in str(error) and "wave" in str(error), error)


def chat(name):
    says = [{"role": "system", "content": "You are a storyteller."}, {"role": "user", "content": [{"type": "text", "text": "A story!"}]}]
    ask = dict(model=name, messages=says, max_tokens=16, seed=5, logprobs=True, top_logprobs=4)
    whole = CLIENT.chat.completions.create(**ask)
    choice = whole.choices[0]
    law(choice.message.role == "assistant", choice.message)
    law("".join(entry.token for entry in choice.logprobs.content) == choice.message.content, "the tokens are the text")
    law(all(len(entry.top_logprobs) == 4 for entry in choice.logprobs.content), "four at every token")
    parts, chunks = streamed(CLIENT.chat.completions.create(stream=True, **ask))
    law(parts[0].choices[0].delta.role == "assistant", parts[0])
    law("".join(part.choices[0].delta.content or "" for part in parts) == choice.message.content, "streamed and whole are one text")
    law(all(chunk.choices for chunk in chunks), "no chunk without a choice")
    _, chunks = streamed(CLIENT.chat.completions.create(stream=True, stream_options={"include_usage": True}, **ask))
    law(chunks[-1].choices == [] and chunks[-1].usage.completion_tokens > 0, chunks[-1])
    begun = [*says, {"role": "assistant", "content": "There was a"}]
    prefilled = CLIENT.chat.completions.create(**{**ask, "messages": begun})
    law(prefilled.choices[0].message.content != choice.message.content, "the answer goes on from its beginning")


def mistakes(name):
    for wrong, kind, says in (
        (dict(temperature="hot", extra_body={"afterword": {"sampling": "client"}}), openai.BadRequestError, "temperature"),
        (dict(n=10**9), openai.BadRequestError, "n"),
        (dict(extra_body={"grammar": "root ::= x"}), openai.BadRequestError, "grammar"),
        (dict(prompt=[[10**9]]), openai.BadRequestError, "prompt"),
    ):
        try:
            CLIENT.completions.create(**{"model": name, "prompt": PROMPT, "max_tokens": 4, **wrong})
            law(False, "is refused:", wrong)
        except kind as error:
            law(says in str(error), error)


NAMES = models()
WAVE = next(name for name in NAMES if name.endswith("@wave"))
presets(WAVE, completions(WAVE))
chat(WAVE)
mistakes(WAVE)
print("ok", DONE)
