"""The `llm` program against a running server: python llm_client.py http://127.0.0.1:PORT

It is given the server as the guide says: in extra-openai-models.yaml. The last line is `ok` and the number of checks.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

BASE = sys.argv[1]
DONE = 0
HOME = tempfile.TemporaryDirectory()
pathlib.Path(HOME.name, "extra-openai-models.yaml").write_text(
    f"""
- model_id: story
  model_name: fable@wave
  api_base: {BASE}/v1
  completion: true
- model_id: talk
  model_name: fable@wave
  api_base: {BASE}/v1
"""
)


def law(holds, *what):
    global DONE
    if not holds:
        sys.exit("fails: " + " ".join(str(part) for part in what))
    DONE += 1


def llm(*words):
    environment = {**os.environ, "LLM_USER_PATH": HOME.name, "OPENAI_API_KEY": "none"}
    done = subprocess.run([sys.executable, "-m", "llm", *words], env=environment, capture_output=True, text=True, timeout=120)
    law(done.returncode == 0, words, done.stdout, done.stderr)
    return done.stdout


PROMPT = "Once upon a time there lived"
streamed = llm("-m", "story", PROMPT, "-o", "max_tokens", "20", "-o", "seed", "5")
whole = llm("-m", "story", PROMPT, "-o", "max_tokens", "20", "-o", "seed", "5", "--no-stream")
law(streamed.strip() and streamed == whole, "streamed and whole are one text:", streamed, whole)
llm("-m", "story", PROMPT, "-o", "max_tokens", "5", "-o", "logprobs", "3", "-o", "seed", "5")
logged = json.loads(llm("logs", "-n", "1", "--json"))[0]
law(logged["response_json"]["logprobs"], "the probabilities are kept:", logged["response_json"])
law(llm("-m", "talk", "A story!", "-s", "You are a storyteller.", "-o", "max_tokens", "20").strip(), "it talks")
law("@wave" in llm("openai", "endpoint", BASE + "/v1", "--models"), "the presets are models")
print("ok", DONE)
