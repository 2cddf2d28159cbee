"""The shape of the settings: one frozen pydantic model per section, each field with its range and meaning."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from engine.i18n import _

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
MarketGroup = Literal["cash", "fractional", "options", "term", "auction", "exercise", "futures", "all"]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_switch_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation in (int, float):
            raise PydanticCustomError("number", "true and false are not numbers")
        return value


class General(Section):
    language: Literal["auto", "en", "pt_BR"] = Field("auto", description="Language of everything shown.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="What is written to data/logs/pregao.log."
    )


class Ingestion(Section):
    markets: tuple[MarketGroup, ...] = Field(("cash",), description="Markets kept from COTAHIST files.")
    max_file_mb: int = Field(4096, ge=1, le=65536, description="Largest file or unpacked ZIP that is accepted, in MB.")


class Fetch(Section):
    cotahist_url: str = Field(
        "https://bvmf.bmfbovespa.com.br/InstDados/SerHist", pattern=r"^https?://", description="Address of B3's yearly files."
    )
    timeout_seconds: float = Field(30.0, gt=0, le=600, description="How long a server may stay silent.")


class Market(Section):
    extra_sessions: tuple[date, ...] = Field((), description="Sessions the calendar does not know, as YYYY-MM-DD.")
    extra_closures: tuple[date, ...] = Field((), description="Days without a session that the calendar does not know.")


class Costs(Section):
    schedule: Literal["b3", "none"] = Field("b3", description="Exchange fees: B3's dated table, or none.")
    brokerage: float = Field(0.0, ge=0, le=1000, description="Your broker's fee per order, R$.")
    iss: Fraction = Field(0.05, description="Service tax on the brokerage, as a fraction.")
    slippage: float = Field(
        0.0002, ge=0, le=0.1, description="Adverse move of market and stop fills, as a fraction of the price."
    )
    borrow: Fraction = Field(0.02, description="Yearly cost of borrowing shares for a short position, as a fraction.")
    contract_fee: float = Field(0.0, ge=0, le=1000, description="All fees of one futures contract and side, R$.")


class Backtest(Section):
    capital: float = Field(100_000.0, gt=0, le=1e12, description="Starting cash, R$.")
    sizing: Literal["fraction", "risk"] = Field(
        "fraction", description="Size by a fraction of equity, or by the risk to the stop."
    )
    fraction: float = Field(1.0, gt=0, le=1.0, description="Share of equity per position, for sizing = fraction.")
    risk: float = Field(0.02, gt=0, le=0.5, description="Share of equity lost if the stop is hit, for sizing = risk.")
    allow_short: bool = Field(True, description="Whether a SELL without a position opens a short one.")
    idle_cash: Literal["cdi", "none"] = Field("cdi", description="What settled cash earns: the CDI where its series is stored.")
    futures_margin: float = Field(0.2, gt=0, le=1, description="Margin of a futures position, as a fraction of its notional.")


class Orders(Section):
    entry: Literal["market", "limit", "stop", "stop_limit"] = Field("market", description="The order that a signal becomes.")
    entry_atr: float = Field(0.5, ge=0, le=20, description="Distance of a limit or stop entry from the close, in ATR(14).")
    limit_atr: float = Field(0.25, ge=0, le=20, description="How far beyond its stop a stop-limit entry still buys, in ATR(14).")
    entry_bars: int = Field(1, ge=1, le=250, description="Bars that an entry order waits for its price.")
    trail_percent: float = Field(0.0, ge=0, le=0.9, description="Trailing stop, as a fraction of the best price; 0 is off.")
    trail_atr: float = Field(0.0, ge=0, le=50, description="Trailing stop, in ATR(14); 0 is off.")
    time_exit: int = Field(0, ge=0, le=10_000, description="Bars after which a position is closed; 0 is never.")
    partial: float = Field(0.0, ge=0, le=0.95, description="Share of a position closed at the first target; 0 is off.")
    partial_r: float = Field(1.0, ge=0.1, le=50, description="Where that is, in multiples of the risk to the first stop.")
    volume_cap: float = Field(0.0, ge=0, le=1, description="Largest share of a bar's volume that an order takes; 0 is no cap.")
    fractional: bool = Field(False, description="Whether what does not fill a lot is traded in the fractional market.")


class Taxes(Section):
    exemption_used: float = Field(
        0.0, ge=0, le=1e9, description="Shares sold each month outside Pregão, R$, which use up the monthly exemption."
    )
    loss_common: float = Field(0.0, ge=0, le=1e12, description="Losses carried in from before: common operations, R$.")
    loss_day_trade: float = Field(0.0, ge=0, le=1e12, description="Losses carried in from before: day trade, R$.")
    loss_fii: float = Field(0.0, ge=0, le=1e12, description="Losses carried in from before: real-estate funds, R$.")


class Regime(Section):
    volatile_atr: float = Field(0.03, gt=0, le=1, description="A market is volatile when ATR(14) / close exceeds this.")
    trend_adx: float = Field(25.0, ge=0, le=100, description="A market trends when ADX(14) exceeds this.")
    sma: int = Field(50, ge=2, le=1000, description="Bars of the average that tells an up trend from a down trend.")


class Daily(Section):
    strategy: str = Field("trend_following", description="Strategy of the day's signals; auto chooses by the regime.")
    watchlist: str = Field("default", description="Watchlist of the daily run; an empty list means every symbol with bars.")
    model_filter: bool = Field(True, description="Whether the live model of a symbol must confirm the day's signals.")
    sources: tuple[Literal["inbox", "cotahist"], ...] = Field(("inbox",), description="Where the daily run looks for new bars.")
    decision_time: Literal["close"] = Field("close", description="When the decision is taken.")
    close_delay_minutes: int = Field(
        30, ge=0, le=600, description="Minutes after the close before a session's bars are expected."
    )


class Anomalies(Section):
    lookback: int = Field(100, ge=1, le=100_000, description="Newest bars that `pregao anomalies` looks at.")
    limit: float = Field(
        4.0, ge=2, le=20, description="Alarm limit of return, range, volume and gap, in robust standard deviations."
    )
    window: int = Field(250, ge=60, le=2500, description="Past bars that say what is usual.")
    training: int = Field(750, ge=150, le=5000, description="Past bars that the Isolation Forest learns from.")
    refit: int = Field(60, ge=5, le=1000, description="Bars after which it learns anew.")
    false_alarm: float = Field(
        0.002, ge=1e-6, le=0.05, description="Chance per bar of an alarm of the forest while nothing changes."
    )


class Direction(Section):
    symbol: str = Field("IBOV", pattern=r"^[A-Z0-9]{4,12}$", description="The index whose direction is foretold.")
    threshold: float = Field(0.75, gt=0.5, le=1, description="Share of right calls that the gate asks for.")
    window: int = Field(30, ge=5, le=250, description="Newest sessions that the gate looks at.")
    refit: int = Field(21, ge=1, le=250, description="Sessions after which an evaluation trains anew.")


class Paper(Section):
    capital: float = Field(100_000.0, gt=0, le=1e12, description="Cash that a new paper account begins with, R$.")
    timeframe: Literal["1m", "5m", "15m", "30m", "60m", "1d"] = Field(
        "1d", description="Bars by which a new paper account is replayed."
    )
    volume_cap: float = Field(0.1, ge=0, le=1, description="Largest share of a bar's volume that an order takes; 0 is no cap.")
    risk_per_trade: float = Field(0.02, gt=0, le=1, description="Share of the equity that one position may lose at its stop.")
    daily_loss: float = Field(0.05, gt=0, le=1, description="Share of the equity after whose loss in a session nothing opens.")
    max_positions: int = Field(5, ge=1, le=1000, description="Positions at most; orders that wait to open one count.")
    exposure: float = Field(1.0, gt=0, le=10, description="Value of all positions at most, as a fraction of the equity.")
    follow: bool = Field(False, description="Whether the daily run places the orders of its signals.")


class Notifications(Section):
    telegram_chat_ids: tuple[int, ...] = Field((), description="Chats that get messages and may ask the bot; empty: nobody.")
    telegram_user_ids: tuple[int, ...] = Field((), description="Users who may ask the bot in a group; empty: nobody.")
    telegram_api: str = Field(
        "https://api.telegram.org",
        pattern=r"^(https://[^\s/]+|http://(127\.0\.0\.1|localhost)(:\d+)?)$",
        description="Address of the Bot API: Telegram's, or a server of your own.",
    )
    email_to: tuple[str, ...] = Field((), description="Addresses that get messages by e-mail.")
    email_from: str = Field("", description="Address that they come from.")
    smtp_host: str = Field("", description="Server that takes them.")
    smtp_port: int = Field(587, ge=1, le=65535, description="Its port.")
    smtp_security: Literal["starttls", "tls", "none"] = Field("starttls", description="How the connection is encrypted.")
    smtp_user: str = Field("", description="Name to log in with; empty: without.")
    attempts: int = Field(20, ge=1, le=1000, description="Attempts before a message is dead; `pregao notify resend` revives it.")
    timeout_seconds: float = Field(10.0, gt=0, le=120, description="How long a server may stay silent.")
    patience_seconds: float = Field(60.0, ge=0, le=3600, description="How long a daily run waits for messages to be tried again.")


class Secrets(Section):
    """Never written in pregao.toml: they come from the environment or config/.env."""

    brapi_token: SecretStr = SecretStr("")
    telegram_bot_token: SecretStr = SecretStr("")
    discord_webhook_url: SecretStr = SecretStr("")
    webhook_url: SecretStr = SecretStr("")
    webhook_secret: SecretStr = SecretStr("")
    smtp_password: SecretStr = SecretStr("")


class Settings(BaseSettings):
    """Every setting, validated. Order of precedence: environment, config/.env, config/pregao.toml, defaults."""

    model_config = SettingsConfigDict(env_prefix="PREGAO_", env_nested_delimiter="__", extra="forbid", frozen=True)

    general: General = General()
    ingestion: Ingestion = Ingestion()
    fetch: Fetch = Fetch()
    market: Market = Market()
    costs: Costs = Costs()
    backtest: Backtest = Backtest()
    orders: Orders = Orders()
    taxes: Taxes = Taxes()
    regime: Regime = Regime()
    daily: Daily = Daily()
    anomalies: Anomalies = Anomalies()
    paper: Paper = Paper()
    direction: Direction = Direction()
    notifications: Notifications = Notifications()
    keys: dict[str, str] = Field(default_factory=dict, description="The app's keys by action id.")
    secrets: Secrets = Secrets()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The file's values come in as arguments and yield to the environment and `config/.env`."""
        return env_settings, dotenv_settings, init_settings

    def secret_values(self) -> tuple[str, ...]:
        """The secrets in force, for redaction."""
        values = (getattr(self.secrets, name).get_secret_value() for name in type(self.secrets).model_fields)
        return tuple(value for value in values if value)


def _sections() -> dict[str, type[Section]]:
    """The sections by name; the free table of keys is none."""
    found = {name: field.annotation for name, field in Settings.model_fields.items()}
    return {name: kind for name, kind in found.items() if isinstance(kind, type) and issubclass(kind, Section)}


def environment_names() -> frozenset[str]:
    """Every environment variable that is a setting."""
    names = {f"PREGAO_{section}".upper() for section in _sections()}
    return frozenset(
        names | {f"PREGAO_{section}__{key}".upper() for section, kind in _sections().items() for key in kind.model_fields}
    )


def json_names() -> frozenset[str]:
    """The environment variables whose values are read as JSON: whole sections and lists."""
    names = {f"PREGAO_{section}".upper() for section in _sections()}
    for section, kind in _sections().items():
        lists = (key for key, inner in kind.model_fields.items() if get_origin(inner.annotation) is tuple)
        names |= {f"PREGAO_{section}__{key}".upper() for key in lists}
    return frozenset(names)


def accepted_keys(location: tuple[str, ...]) -> frozenset[str]:
    """The keys that exist at `location` (the sections, or the keys of one section)."""
    if not location:
        return frozenset(set(Settings.model_fields) - {"secrets"})
    return frozenset(_sections()[location[0]].model_fields) if location[0] in _sections() else frozenset()


def accepted_values(location: tuple[str, ...]) -> str:
    """The accepted values of one setting, in words."""
    section = _sections().get(location[0])
    if section is None:
        return _("a table of action = keys, both as text")
    if len(location) < 2 or location[1] not in section.model_fields:
        return ", ".join(sorted(accepted_keys(location[:1])))
    field = section.model_fields[location[1]]
    annotation: Any = field.annotation
    while get_args(annotation) and not all(isinstance(arg, str) for arg in get_args(annotation)):
        annotation = get_args(annotation)[0]
    choices = get_args(annotation)
    if choices:
        return ", ".join(choices)
    kinds = {
        "float": _("a number"),
        "int": _("a whole number"),
        "bool": "true, false",
        "str": _("text"),
        "SecretStr": _("text"),
        "date": _("a date as YYYY-MM-DD"),
    }
    return " ".join([kinds[annotation.__name__], *(_bound(rule) for rule in field.metadata)])


def _bound(rule: Any) -> str:
    """`Ge(ge=0)` as `>= 0`."""
    signs = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
    bounds = [f"{sign} {getattr(rule, name):g}" for name, sign in signs.items() if hasattr(rule, name)]
    return " ".join(bounds) or str(getattr(rule, "pattern", ""))
