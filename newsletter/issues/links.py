"""The addresses that an issue's links lead to. They go where they say: no redirects, nothing that counts openings."""

from collections.abc import Callable
from dataclasses import dataclass

from newsletter.issues.layout import NAMED
from newsletter.issues.markdown import addresses
from newsletter.issues.values import IssueValues, ToolValue
from newsletter.verdicts.comparison import comparison_path

# Longer addresses than this would eat the mail's budget; the archive names the tool too.
LONGEST_ADDRESS = 400


@dataclass(frozen=True, slots=True)
class Links:
    """``token`` stands where a reader's link token belongs; ``reference`` gives the signed name of a tool by its id
    (subscribers/tokens.py)."""

    public_url: str
    week: str
    token: str
    reference: Callable[[int], str]

    @property
    def archive(self) -> str:
        return f"{self.public_url}/issues/{self.week}"

    @property
    def unsubscribe(self) -> str:
        return f"{self.public_url}/unsubscribe/{self.token}"

    @property
    def preferences(self) -> str:
        return f"{self.public_url}/preferences/{self.token}"

    def verdict(self, tool: ToolValue) -> str:
        return f"{self.public_url}/tools/{tool.slug}"

    def outside(self, tool: ToolValue) -> str:
        """The tool's own site, or the archive's line on it where the address cannot stand in a mail."""
        return tool.url if tool.url and len(tool.url) <= LONGEST_ADDRESS else self.archive

    def compare(self, left: ToolValue, right: ToolValue) -> str:
        return self.public_url + comparison_path(left, right)

    def vote(self, tool: ToolValue) -> str:
        return f"{self.public_url}/vote/{self.token}.{self.reference(tool.id)}"

    def bookmark(self, tool: ToolValue) -> str:
        return f"{self.public_url}/bookmark/{self.token}.{self.reference(tool.id)}"


def leads_to(values: IssueValues) -> dict[str, str]:
    """Every address of others that the issue leads to, and the place where it stands: a tool's slug, a field."""
    tools = (*values.items, *values.also[:NAMED])
    found = [(tool.url, tool.slug) for tool in tools if tool.url]
    found += [(url, tool.slug) for tool in tools for url in addresses(tool.note)]
    found += [(url, "intro") for url in addresses(values.intro)]
    for paid in values.sponsors:
        found += [(url, "sponsor") for url in (paid.url, *addresses(paid.text))]
    return dict(reversed(found))
