"""The forms that a person sees, in a real browser."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.federation,
    pytest.mark.airflow,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: install it to run the browser tests"),
]

# Where to put pictures of what was seen, for whoever wants to look.
PICTURES = os.environ.get("SCREENSHOTS")


@pytest.fixture(scope="module")
def page(airflow):
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(f"{airflow.url}/auth/login")
        page.fill("input[name=username]", airflow.user)
        page.fill("input[name=password]", airflow.password)
        page.click("button[type=submit]")
        # Going on before the log-in has led on would break off one of the two.
        page.wait_for_url(lambda url: "/auth/login" not in url)
        page.set_default_timeout(60_000)
        yield page
        browser.close()


def _picture(page, name):
    if PICTURES:
        page.screenshot(path=str(Path(PICTURES) / f"{name}.png"))


def test_the_connections_form_has_its_fields(airflow, page):
    page.goto(f"{airflow.url}/connections")
    page.get_by_role("button", name="Add Connection").click()
    page.get_by_placeholder("Select Connection Type").or_(page.locator("input[role=combobox]")).first.click()
    page.keyboard.type("dfm")
    page.get_by_role("option", name="dfm").first.click()
    page.get_by_text("FLARE user").first.wait_for()
    page.get_by_text("Extra Fields", exact=True).first.click()
    _picture(page, "connection-form")
    for label in ("Startup kit", "Python interpreter", "Federation", "Home site", "Target", "Results path"):
        page.get_by_text(label, exact=True).first.wait_for()
    assert page.locator("input[type=password]").count() >= 1, "the kit's content is a secret"


def test_the_trigger_form_asks_for_dates_and_sites(airflow, page):
    page.goto(f"{airflow.url}/dags/weather_comparison_on_trigger")
    page.get_by_role("button", name="Trigger").first.click()
    page.get_by_text("First day").first.wait_for()
    assert page.locator("input[type=date]").count() == 2
    page.get_by_text("Second site").first.wait_for()
    _picture(page, "trigger-form")
