"""The peer of `make bench-ingress`: aiogram 3, aiohttp and asyncpg, written as well as its users would.

It keeps the promise that Atelier's ingress keeps, as far as this stack can: an update is validated, inserted once, and
only then answered with 200. One process, uvloop, ten connections. Its dispatching is left out, in its favour.
"""

import argparse
import asyncio

import asyncpg
import uvloop
from aiogram import Bot
from aiogram.types import Update
from aiohttp import web

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
TABLE = """
create table if not exists peer_update (
    bot text not null,
    update_id bigint not null,
    at timestamptz not null default now(),
    body jsonb not null,
    primary key (bot, update_id)
)
"""
INSERT = "insert into peer_update (bot, update_id, body) values ($1, $2, $3) on conflict do nothing"


def application(database: str, secret: str) -> web.Application:
    bot = Bot("1:peer")

    async def connect(app: web.Application):
        app["pool"] = await asyncpg.create_pool(database, min_size=10, max_size=10)
        await app["pool"].execute(TABLE)
        yield
        await app["pool"].close()
        await bot.session.close()

    async def receive(request: web.Request) -> web.Response:
        if request.headers.get(SECRET_HEADER) != secret:
            return web.Response(status=401)
        body = await request.text()
        update = Update.model_validate_json(body, context={"bot": bot})
        await request.app["pool"].execute(INSERT, request.match_info["bot"], update.update_id, body)
        return web.Response()

    app = web.Application()
    app.cleanup_ctx.append(connect)
    app.router.add_post("/webhooks/telegram/{bot}", receive)
    return app


async def main(options: argparse.Namespace) -> None:
    runner = web.AppRunner(application(options.database, options.secret), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", options.port, backlog=4096).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--secret", required=True)
    uvloop.run(main(parser.parse_args()))
