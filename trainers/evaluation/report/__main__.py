"""A result of examples/sim2sim.py as a page.

python -m trainers.evaluation.report report/sim2sim.json --out report
"""

from __future__ import annotations

import argparse
from pathlib import Path

from trainers.command_line import concise_errors
from trainers.evaluation.report import write_report
from trainers.evaluation.result_file import read_result


@concise_errors()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("result", type=Path, help="JSON that examples/sim2sim.py wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder for report.html and pictures")
    parser.add_argument("--video", type=Path, help="mp4 to put into the page")
    chosen = parser.parse_args()
    page, *pictures = write_report(read_result(chosen.result), chosen.out, video=chosen.video)
    print(f"Wrote {page} and {len(pictures)} pictures.")


if __name__ == "__main__":
    main()
