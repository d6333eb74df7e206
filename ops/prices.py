"""What AWS charges for what a backfill uses, in USD: list prices of one region, without free tiers, taxes, discounts.

AWS's own pages fill their tables in by script, so copies of them hold few numbers. Each price says where it was seen
and as of when; the page beside it is AWS's, which may know a newer one.
"""

from __future__ import annotations

from dataclasses import dataclass

REGION = "us-east-1"


@dataclass(frozen=True)
class Price:
    """A price: so many USD for ``each`` of a unit; ``page`` is AWS's, ``seen`` where its number was read, and when."""

    usd: float
    each: int
    unit: str
    page: str
    seen: str

    def of(self, amount: float) -> float:
        """Return what an amount costs."""
        return amount / self.each * self.usd

    def __str__(self) -> str:
        number = f"{self.usd:.10f}".rstrip("0")
        number += "0" * (2 - len(number.partition(".")[2]))
        return f"${number} per {self.unit if self.each == 1 else f'{self.each:,} {self.unit}'}"


_LAMBDA = "https://aws.amazon.com/lambda/pricing/"
_STEP_FUNCTIONS = "https://aws.amazon.com/step-functions/pricing/"
_DYNAMODB = "https://aws.amazon.com/dynamodb/pricing/on-demand/"
_S3 = "https://aws.amazon.com/s3/pricing/"

# A public document with AWS's price list of 2025-10-01 gives both, the second under the SKU K7BX6567RJ67A2KE.
_PRICE_LIST = "AWS's price list of 2025-10-01, as a document of 2025-10-28 has it"
LAMBDA_ARM64 = Price(0.0000133334, 1, "GB-second (arm64)", _LAMBDA, _PRICE_LIST)
LAMBDA_REQUEST = Price(0.20, 1_000_000, "requests", _LAMBDA, _PRICE_LIST)
# The stored copy of AWS's page bears no date, and is an old one; a guide of 2026-03-14 has the same price.
STEP_TRANSITION = Price(
    0.025,
    1_000,
    "state transitions",
    _STEP_FUNCTIONS,
    "a copy of that page without a date, and a guide of 2026-03-14",
)
# A second document, of 2025-07-21, has the same prices of DynamoDB, which are those since November 2024.
_CHECKED = "a document that checked AWS's page on 2026-10-04"
DYNAMODB_WRITE = Price(0.625, 1_000_000, "write request units", _DYNAMODB, _CHECKED)
DYNAMODB_READ = Price(0.125, 1_000_000, "read request units", _DYNAMODB, _CHECKED)
S3_PUT = Price(0.005, 1_000, "PUT requests", _S3, _CHECKED)
S3_GB_MONTH = Price(0.023, 1, "GB-month", _S3, _CHECKED)
