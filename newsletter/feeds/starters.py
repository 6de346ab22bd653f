"""The feeds that ``newsletter feeds starter`` adds: launch sites, vendors' blogs, releases of well-known projects.

All of them are public and meant for feed readers. Adding one fetches nothing yet; `newsletter feeds list` shows later
which of them still answer.
"""

from dataclasses import dataclass

_LAUNCHES = """
Product Hunt | https://www.producthunt.com/feed
Show HN | https://hnrss.org/show?points=20
Launch HN | https://hnrss.org/launches
Lobsters: show | https://lobste.rs/t/show.rss
BetaList | https://feeds.feedburner.com/BetaList
"""

_NEWS = """
OpenAI News | https://openai.com/news/rss.xml
Google DeepMind | https://deepmind.google/blog/rss.xml
Google: AI | https://blog.google/technology/ai/rss/
Google Developers Blog | https://developers.googleblog.com/feeds/posts/default
Hugging Face Blog | https://huggingface.co/blog/feed.xml
Together AI | https://www.together.ai/blog/rss.xml
GitHub Blog: changelog | https://github.blog/changelog/feed/
Vercel | https://vercel.com/atom
Cloudflare: changelog | https://developers.cloudflare.com/changelog/rss/index.xml
JetBrains: AI | https://blog.jetbrains.com/ai/feed/
Visual Studio Code | https://code.visualstudio.com/feed.xml
Microsoft for Developers | https://devblogs.microsoft.com/landing/feed/
AWS: machine learning | https://aws.amazon.com/blogs/machine-learning/feed/
NVIDIA Developer | https://developer.nvidia.com/blog/feed/
LangChain | https://blog.langchain.dev/rss/
Replicate | https://replicate.com/blog/rss
Supabase | https://supabase.com/rss.xml
Docker | https://www.docker.com/blog/feed/
Zed | https://zed.dev/blog.rss
"""

_CHANGELOGS = """
Cursor Changelog | https://cursor.com/changelog/rss.xml | Cursor | https://cursor.com
Claude Code Changelog | https://code.claude.com/docs/en/changelog/rss.xml | Claude Code | https://code.claude.com
"""

_RELEASES = """
ollama/ollama | Ollama | https://ollama.com
vllm-project/vllm | vLLM | https://vllm.ai
ggml-org/llama.cpp | llama.cpp | https://github.com/ggml-org/llama.cpp
huggingface/transformers | Transformers | https://huggingface.co/docs/transformers
langchain-ai/langgraph | LangGraph | https://www.langchain.com/langgraph
run-llama/llama_index | LlamaIndex | https://www.llamaindex.ai
open-webui/open-webui | Open WebUI | https://openwebui.com
continuedev/continue | Continue | https://continue.dev
cline/cline | Cline | https://cline.bot
Aider-AI/aider | Aider | https://aider.chat
openai/codex | Codex CLI | https://github.com/openai/codex
google-gemini/gemini-cli | Gemini CLI | https://github.com/google-gemini/gemini-cli
block/goose | Goose | https://block.github.io/goose
astral-sh/uv | uv | https://docs.astral.sh/uv
astral-sh/ruff | Ruff | https://docs.astral.sh/ruff
neovim/neovim | Neovim | https://neovim.io
zed-industries/zed | Zed | https://zed.dev
denoland/deno | Deno | https://deno.com
oven-sh/bun | Bun | https://bun.com
"""


@dataclass(frozen=True, slots=True)
class Starter:
    """A feed to begin with. ``tool`` and ``tool_url`` name the tool that all of it is about."""

    name: str
    url: str
    kind: str
    tool: str | None = None
    tool_url: str | None = None


def starter_feeds() -> list[Starter]:
    """In the order in which they are added."""
    found = [Starter(name, url, "launches") for name, url in map(_parts, _lines(_LAUNCHES))]
    found += [Starter(name, url, "news") for name, url in map(_parts, _lines(_NEWS))]
    found += [Starter(name, url, "releases", tool, home) for name, url, tool, home in map(_parts, _lines(_CHANGELOGS))]
    for repository, tool, tool_url in map(_parts, _lines(_RELEASES)):
        feed_url = f"https://github.com/{repository}/releases.atom"
        found.append(Starter(f"{tool} releases", feed_url, "releases", tool, tool_url))
    return found


def _lines(block: str) -> list[str]:
    return [line for line in block.splitlines() if line.strip()]


def _parts(line: str) -> list[str]:
    return [part.strip() for part in line.split("|")]
