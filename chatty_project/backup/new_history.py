"""SQL that gives a restored database a new history, before anybody can use it: `epoch.renew_all_logs` as statements.

All rooms get new logs, so that no browser mistakes new messages for those that were written after the backup. The epoch
leaps, so that nobody takes the restored database for one that lost something.
"""

from chat.log.epoch import LEAP

# A new UUID, as each database stores one.
_UUID = {"sqlite": "lower(hex(randomblob(16)))", "postgresql": "gen_random_uuid()"}


def statements(vendor: str, schema: str = "") -> list[str]:
    """The statements, for tables in this schema. Run them in one transaction."""
    new, prefix = _UUID[vendor], f"{schema}." if schema else ""
    epochs = f"{prefix}chat_databaseepoch"
    return [
        f"UPDATE {prefix}chat_room SET log = {new}",  # nosec B608
        f"INSERT INTO {epochs} (lineage, number, mark)"  # nosec B608
        f" SELECT lineage, number + {LEAP}, {new} FROM {epochs} ORDER BY number DESC LIMIT 1",
        f"DELETE FROM {epochs} WHERE number < (SELECT max(number) FROM {epochs})",  # nosec B608
    ]
