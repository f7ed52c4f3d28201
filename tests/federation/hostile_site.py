"""What a hostile site adds to the part of a job that it was given. Appended to ``pipeline_executor.py`` of a job.

The other sites get it too, where it does nothing. Which attack it is the first parameter set says.
"""

# ruff: noqa: F821  the names are those of pipeline_executor.py
import hashlib
import threading
import time

from nvflare.apis.fl_constant import CellMessageAuthHeaderKey, ReservedKey, ServerCommandKey, ServerCommandNames
from nvflare.apis.shareable import Shareable, make_reply
from nvflare.fuel.f3.cellnet.defs import MessageHeaderKey
from nvflare.fuel.f3.cellnet.defs import ReturnCode as CellReturnCode
from nvflare.private.defs import new_cell_message

HOSTILE = "seattle"
VICTIM = "san_francisco"
# Ends the process that reads it.
PICKLE = b"cposix\n_exit\n(I1\ntR."
PICKLED = {"tag": "__dfm__pickled__", "value": base64.b64encode(PICKLE).decode()}
DFM_TOPIC = "nv_dfm_core.send_to_place"
READ_TOKENS = "airflow_provider_dfm.read_tokens"
READ_VALUE = "airflow_provider_dfm.read_value"
PLAIN = "airflow_provider_dfm.plain.1"
PIECE = bytes(4 << 20)


class HostileSite(PipelineExecutor):
    def _on_start_execution_task(self, fl_ctx):
        self._job_id = fl_ctx.get_job_id()
        ((_, values), *_) = self._bound_net_ir["tagged_input_params"]
        self._attack = values["value"][1]
        if fl_ctx.get_identity_name() == HOSTILE and self._attack in ATTACKS:
            ATTACKS[self._attack](self, fl_ctx)
        super()._on_start_execution_task(fl_ctx)

    def execute(self, task_name, shareable, fl_ctx, abort_signal):
        ((_, values), *_) = self._bound_net_ir["tagged_input_params"]
        if fl_ctx.get_identity_name() == HOSTILE and values["value"][1] == ANSWERS_TOO_EARLY:
            # As another site would answer for this one.
            return make_reply(ReturnCode.OK)
        reply = super().execute(task_name, shareable, fl_ctx, abort_signal)
        if fl_ctx.get_identity_name() == HOSTILE and self._attack == LATE:

            def after_the_end():
                while True:
                    time.sleep(0.2)
                    # A repeat, which is no fault until the server has heard of the end.
                    self.results(fl_ctx, self.token("echo"), number=1)

            threading.Thread(target=after_the_end, daemon=True).start()
        return reply

    def token(
        self,
        place=HOSTILE,
        source=HOSTILE,
        target="analyst",
        is_yield=True,
        frame=0,
        value="forged",
        tag="json",
        **more,
    ):
        return json.dumps(
            {
                "source_site": source,
                "source_node": 1,
                "source_job": self._job_id,
                "target_site": target,
                "target_place": place,
                "target_job": self._job_id,
                "is_yield": is_yield,
                "frame": {"token": "@dfm-control-token", "frame": [frame]},
                "tagged_data": [tag, value],
                "trace_context": None,
                **more,
            }
        )

    def results(self, fl_ctx, *lines, number=1):
        self.send(fl_ctx, TOPIC_RESULTS, [str(number), *lines])

    def send(self, fl_ctx, topic, parts, target=SERVER, key=None):
        self.send_raw(fl_ctx, topic, MessageSeal(key or self._key, self._job_id).put(Shareable(), topic, parts), target)

    def send_raw(self, fl_ctx, topic, request, target=SERVER):
        reply = ReliableMessage.send_request(
            target=target,
            topic=topic,
            request=request,
            fl_ctx=fl_ctx,
            per_msg_timeout=10,
            tx_timeout=60,
            abort_signal=self._abort_signal,
        )
        self.log_info(fl_ctx, f"HOSTILE got {reply.get_return_code()} for {topic}")


def names_another_site(self, fl_ctx):
    request = Shareable()
    request["site"], request["number"], request["lines"] = VICTIM, 10**9, [self.token(VICTIM, VICTIM)]
    self.send_raw(fl_ctx, TOPIC_RESULTS, request)


def says_it_is_another_site(self, fl_ctx):
    # FLARE sends these along as the peer's context.
    fl_ctx.set_prop(ReservedKey.IDENTITY_NAME, VICTIM, private=False, sticky=False)
    self.results(fl_ctx, self.token(VICTIM, VICTIM))


def takes_another_sites_name_in_flares_header(self, fl_ctx):
    def rename(message):
        message.set_header(CellMessageAuthHeaderKey.CLIENT_NAME, VICTIM)

    message = MessageSeal(self._key, self._job_id).put(Shareable(), TOPIC_RESULTS, ["1", self.token(VICTIM, VICTIM)])
    engine = fl_ctx.get_engine()
    with_filter(
        fl_ctx, rename, lambda: engine.send_aux_request([SERVER], TOPIC_RESULTS, message, timeout=2.0, fl_ctx=fl_ctx)
    )


def with_filter(fl_ctx, change, send):
    """Send something with its headers changed."""
    core = fl_ctx.get_engine().client.cell.core_cell
    core.add_outgoing_request_filter("*", "*", change)
    send()
    for filters in core.out_req_filter_reg.reg.values():
        filters[:] = [each for each in filters if each.cb is not change]


def sends_dfms_own_message(self, fl_ctx):
    request = Shareable()
    request["nv_dfm_core.send_to_place_package_dict"] = json.loads(self.token(VICTIM, VICTIM))
    self.send_raw(fl_ctx, DFM_TOPIC, request)


def gives_the_servers_commands(self, fl_ctx):
    """Raises where one is obeyed, so that the job fails."""
    cell = fl_ctx.get_engine().client.cell
    forged = json.loads(self.token(VICTIM, VICTIM))
    for_the_server = forged | {"is_yield": False, "target_site": SERVER, "tagged_data": ["PickledObject", PICKLED]}

    def command(name, topic="", data=None):
        payload = Shareable()
        payload[ServerCommandKey.TOPIC], payload[ServerCommandKey.DATA] = topic, data
        return cell.send_request(
            target=f"server.{self._job_id}",
            channel="server_command",
            topic=name,
            request=new_cell_message({}, payload),
            timeout=3.0,
        )

    replies = [
        command(ServerCommandNames.APP_COMMAND, DFM_TOPIC, forged),
        command(ServerCommandNames.APP_COMMAND, DFM_TOPIC, for_the_server),
        command(ServerCommandNames.APP_COMMAND, "nv_dfm_core.retrieve_tokens", {}),
        command(ServerCommandNames.APP_COMMAND, READ_TOKENS, {"position": 0}),
        command(ServerCommandNames.APP_COMMAND, READ_VALUE, {"name": "0" * 64, "position": 0}),
        command(ServerCommandNames.GET_RUN_INFO),
        command(ServerCommandNames.HANDLE_DEAD_JOB),
        command("abort"),
    ]
    codes = [reply.get_header(MessageHeaderKey.RETURN_CODE) for reply in replies]
    if codes != [CellReturnCode.AUTHENTICATION_ERROR] * len(codes):
        raise RuntimeError(f"commands of the server's were answered {codes}")

    def say_it_is_from_the_server(message):
        message.set_header(MessageHeaderKey.ORIGIN, SERVER)

    with_filter(fl_ctx, say_it_is_from_the_server, lambda: command(ServerCommandNames.APP_COMMAND, DFM_TOPIC, forged))


def repeats(self, fl_ctx):
    for _ in range(2):
        self.results(fl_ctx, self.token(value="repeats"))
    self.results(fl_ctx, self.token(value="repeats"), number=2)


def yields_as_dfm_does(self, fl_ctx):
    """Pickles what it yields, as DFM's own router does with what JSON does not know."""
    import nv_dfm_core.exec._token_package

    del self._router.route_token_async, self._router.route_token_sync
    nv_dfm_core.exec._token_package.is_json_serializable = lambda value: False


def sends_values(*messages):
    """Makes an attack that sends pieces of values."""

    def attack(self, fl_ctx):
        for parts in messages:
            self.send(fl_ctx, TOPIC_VALUES, parts)

    return attack


def names_a_file_after(attack, name):
    """Makes an attack that sends a value, and then a result that names a file."""

    def attack_and_name(self, fl_ctx):
        attack(self, fl_ctx)
        value = {"@bytes": {"file": name, "bytes": len(PIECE), "sha256": name}}
        self.results(fl_ctx, self.token(value=value, tag=PLAIN, files={name: len(PIECE)}))

    return attack_and_name


CHECKSUM = hashlib.sha256(PIECE).hexdigest()
LATE = "late"
ANSWERS_TOO_EARLY = "answers too early"
ATTACKS = {
    "names another site": names_another_site,
    "says it is another site": says_it_is_another_site,
    "takes another name in the header": takes_another_sites_name_in_flares_header,
    "gives the server's commands": gives_the_servers_commands,
    "forged results": lambda self, fl_ctx: self.results(fl_ctx, self.token(VICTIM, VICTIM)),
    "without the key": lambda self, fl_ctx: self.send(fl_ctx, TOPIC_RESULTS, ["1", self.token()], key="guessed"),
    "sends DFM's own message": sends_dfms_own_message,
    "forged token": lambda self, fl_ctx: self.send(
        fl_ctx, DFM_TOPIC, [self.token("value", VICTIM, VICTIM, is_yield=False)]
    ),
    "yield by another way": lambda self, fl_ctx: self.send(fl_ctx, DFM_TOPIC, [self.token()]),
    "past the server": lambda self, fl_ctx: self.send(
        fl_ctx, DFM_TOPIC, [self.token("value", "server", VICTIM, is_yield=False)], target=VICTIM
    ),
    "repeats": repeats,
    "a number far ahead": lambda self, fl_ctx: self.results(fl_ctx, self.token(), number=10**9),
    "a million lines": lambda self, fl_ctx: self.results(fl_ctx, *["{}"] * 1_000_000),
    "sends a pickle": lambda self, fl_ctx: self.results(fl_ctx, self.token(value=PICKLED, tag="PickledObject")),
    "yields as DFM does": yields_as_dfm_does,
    "another checksum": sends_values(["1", "0" * 64, PIECE]),
    "a path for a checksum": sends_values(["1", "../tokens.jsonl", PIECE]),
    "too large a piece": sends_values(["1", "", PIECE + b"x"]),
    "text for a piece": sends_values(["1", "", "x"]),
    "a file that it has not sent": names_a_file_after(sends_values(["1", CHECKSUM, PIECE]), "0" * 64),
    "a file that is not whole": names_a_file_after(sends_values(["1", "", PIECE]), CHECKSUM),
    "a file that is a path": names_a_file_after(sends_values(), "../tokens.jsonl"),
    "a huge line": lambda self, fl_ctx: self.results(fl_ctx, "[" * (64 << 20)),
}
PipelineExecutor = HostileSite
