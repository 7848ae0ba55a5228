"""The peers of `make bench-ingress`: aiogram 3, aiohttp and asyncpg with uvloop and ten connections.

They keep the promise that Atelier's ingress keeps, as far as this stack can: an update is validated, inserted once, and
only then answered with 200. `framework` is aiogram as its documentation shows it: its request handler, its dispatcher, and
a middleware that stores. `models` keeps only aiogram's models and hands the update to nobody, which no bot does; it shows
how much of the difference is Python's and not the framework's.
"""

import argparse
import asyncio
from contextvars import ContextVar

import asyncpg
import uvloop
from aiogram import BaseMiddleware, Bot, Dispatcher
from aiogram.types import Update
from aiogram.webhook.aiohttp_server import SimpleRequestHandler
from aiohttp import web

TABLE = """
create table if not exists peer_update (
    bot text not null,
    update_id bigint not null,
    at timestamptz not null default now(),
    body jsonb not null,
    primary key (bot, update_id)
)
"""
INSERT = "insert into peer_update (bot, update_id, body) values ('main', $1, $2) on conflict do nothing"
current_request: ContextVar[web.Request] = ContextVar("current_request")


class Store(BaseMiddleware):
    """Inserts every update before anything else sees it; what a bot would do then is left out, in the peer's favour."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool

    async def __call__(self, handler, event: Update, data):
        await self.pool.execute(INSERT, event.update_id, await current_request.get().text())


@web.middleware
async def remember_request(request: web.Request, handler):
    current_request.set(request)
    return await handler(request)


def framework(pool: asyncpg.Pool, bot: Bot, secret: str) -> web.Application:
    dispatcher = Dispatcher()
    dispatcher.update.outer_middleware(Store(pool))
    app = web.Application(middlewares=[remember_request])
    handler = SimpleRequestHandler(dispatcher, bot, handle_in_background=False, secret_token=secret)
    handler.register(app, path="/webhooks/telegram/main")
    return app


def models(pool: asyncpg.Pool, bot: Bot, secret: str) -> web.Application:
    async def receive(request: web.Request) -> web.Response:
        if request.headers.get("X-Telegram-Bot-Api-Secret-Token") != secret:
            return web.Response(status=401)
        body = await request.text()
        update = Update.model_validate_json(body, context={"bot": bot})
        await pool.execute(INSERT, update.update_id, body)
        return web.Response()

    app = web.Application()
    app.router.add_post("/webhooks/telegram/main", receive)
    return app


async def main(options: argparse.Namespace) -> None:
    pool = await asyncpg.create_pool(options.database, min_size=10, max_size=10)
    await pool.execute(TABLE)
    kind = {"framework": framework, "models": models}[options.kind]
    runner = web.AppRunner(kind(pool, Bot("1:peer"), options.secret), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", options.port, backlog=4096).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--kind", choices=["framework", "models"], required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--secret", required=True)
    uvloop.run(main(parser.parse_args()))
