"""Puts a class on a running hub: ten students open the lesson, three of them run the race at once. Prints figures.

    python load_test.py http://127.0.0.1:8000 --password ... [--students 10] [--racing 3]

Everything goes through the hub's own pages and the servers' own API, as a browser would: log in, start, open the
notebook, start a kernel, run. Memory is that of each student's kernel and server, read where the hub runs.
"""

import argparse
import asyncio
import json
import statistics
import time
import uuid
from typing import Any

import psutil
import tornado.websocket
from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from tornado.httputil import HTTPHeaders

GIB = 2**30
RACE = """
import json, time, psutil, finetune_lab as lab
began = time.time()
race = lab.compare(data="tickets", max_steps={steps})
print("FIGURES", json.dumps({{"seconds": time.time() - began, "memory": psutil.Process().memory_info().rss,
      "statuses": [run.status for run in race.runs]}}))
"""
OPEN = """
import json, psutil, finetune_lab as lab
lab.plan("lab-base")
print("FIGURES", json.dumps({{"memory": psutil.Process().memory_info().rss}}))
"""


class Student:
    """One student's browser: cookies, and what it does."""

    def __init__(self, hub: str, name: str) -> None:
        self.hub, self.name, self.cookies = hub.rstrip("/"), name, dict[str, str]()
        self.client = AsyncHTTPClient(force_instance=True, defaults={"request_timeout": 600, "connect_timeout": 60})

    async def ask(self, path: str, method: str = "GET", body: Any = None, *, form: bool = False) -> HTTPResponse:
        """One request, with redirects followed and cookies kept."""
        url, text = self.hub + path, None
        if body is not None:
            text = "&".join(f"{key}={value}" for key, value in body.items()) if form else json.dumps(body)
        for _ in range(20):
            headers = HTTPHeaders({"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())})
            if token := self.cookies.get(f"_xsrf{path}", self.cookies.get("_xsrf")):
                headers["X-XSRFToken"] = token
            headers["Content-Type"] = "application/x-www-form-urlencoded" if form else "application/json"
            request = HTTPRequest(url, method, headers, text, follow_redirects=False)
            answer = await self.client.fetch(request, raise_error=False)
            for line in answer.headers.get_list("Set-Cookie"):
                name, _, value = line.split(";")[0].partition("=")
                self.cookies[name] = value
            if answer.code not in (301, 302, 303, 307):
                return answer
            place = answer.headers["Location"]
            url = place if place.startswith("http") else self.hub + place
            method, text = "GET", None
        raise RuntimeError(f"{self.name}: too many redirects at {url}")

    async def log_in(self, password: str) -> None:
        await self.ask("/hub/login")
        form = {"username": self.name, "password": password, "_xsrf": self.cookies["_xsrf"].replace("|", "%7C")}
        answer = await self.ask("/hub/login", "POST", form, form=True)
        require(answer, self.name)

    async def start(self) -> float:
        """Start the server and wait until it answers; seconds."""
        began = time.monotonic()
        await self.ask("/hub/spawn")
        while True:
            page = await self.ask(f"/user/{self.name}/lab")  # a page, not the API: the hub's log-in goes by redirects
            if page.code == 200 and "/hub/" not in page.effective_url:
                return time.monotonic() - began
            if time.monotonic() - began > 120:
                raise RuntimeError(f"{self.name}: the server did not start: {page.code}")
            await asyncio.sleep(1)

    async def run(self, code: str) -> dict[str, Any]:
        """Start a kernel, run the code, and return the figures it prints."""
        lesson = await self.ask(f"/user/{self.name}/api/contents/lessons/full_lora_qlora.ipynb?content=0")
        require(lesson, self.name)
        kernel = json.loads((await self.ask(f"/user/{self.name}/api/kernels", "POST", {"name": "python3"})).body)["id"]
        place = self.hub.replace("http", "ws", 1) + f"/user/{self.name}/api/kernels/{kernel}/channels"
        cookies = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        socket = await tornado.websocket.websocket_connect(HTTPRequest(place, headers=cookies))
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": "", "session": ""}
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
        message = {"header": {**header, "version": "5.3"}, "parent_header": {}, "metadata": {}, "content": content}
        await socket.write_message(json.dumps({**message, "channel": "shell"}))
        return await figures(socket, self.name)


async def figures(socket: Any, name: str) -> dict[str, Any]:
    """What the code printed behind the word FIGURES."""
    printed = ""
    while True:
        message = json.loads(await socket.read_message())
        kind, content = message["msg_type"], message["content"]
        if kind == "stream" and content["name"] == "stdout":
            printed += content["text"]
        if kind == "error":
            raise RuntimeError(f"{name}: {content['ename']}: {content['evalue']}")
        if kind == "execute_reply":
            found: dict[str, Any] = json.loads(printed.split("FIGURES ")[1].split("\n")[0])
            return found


def require(answer: HTTPResponse, name: str) -> None:
    if answer.code >= 400:
        raise RuntimeError(f"{name}: {answer.request.url}: {answer.code} {answer.reason}")


async def student(hub: str, number: int, password: str, code: str) -> dict[str, Any]:
    one = Student(hub, f"student{number:02}")
    await one.log_in(password)
    started = await one.start()
    return {"start": started, **await one.run(code)}


async def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("hub")
    asked.add_argument("--password", required=True)
    asked.add_argument("--students", type=int, default=10)
    asked.add_argument("--racing", type=int, default=3)
    asked.add_argument("--steps", type=int, default=60)
    options = asked.parse_args()
    before = psutil.virtual_memory().used
    codes = [
        RACE.format(steps=options.steps) if at < options.racing else OPEN.format() for at in range(options.students)
    ]
    jobs = [student(options.hub, at, options.password, code) for at, code in enumerate(codes)]
    found = await asyncio.gather(*jobs)
    report(found[: options.racing], found[options.racing :], psutil.virtual_memory().used - before)


def report(racing: list[dict[str, Any]], reading: list[dict[str, Any]], grown: int) -> None:
    starts = [one["start"] for one in (*racing, *reading)]
    print(f"{len(starts)} servers, started at once: ready after {statistics.median(starts):.0f} s (median), ", end="")
    print(f"{max(starts):.0f} s (longest)")
    if racing:
        seconds, statuses = [one["seconds"] for one in racing], {s for one in racing for s in one["statuses"]}
        times = f"{statistics.median(seconds):.0f} s (median), {max(seconds):.0f} s (longest)"
        print(f"{len(racing)} races at once: {times}, ", end="")
        print(f"kernel {most(racing):.2f} GiB at most, runs {', '.join(sorted(statuses))}")
    if reading:
        print(f"{len(reading)} kernels with the lab loaded: {most(reading):.2f} GiB at most")
    print(f"the machine: {grown / GIB:.1f} GiB more in use than before")


def most(found: list[dict[str, Any]]) -> float:
    """The largest kernel's memory in GiB."""
    return max(one["memory"] for one in found) / GIB


if __name__ == "__main__":
    asyncio.run(main())
