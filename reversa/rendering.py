from reversa.reporting import Report
from pathlib import Path
def write_html(report: Report, language: str, path: Path) -> None:
    path.write_text("x")
