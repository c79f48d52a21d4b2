"""A stack's settings: what is accepted, and what each mistake is told."""

import pytest

from core.errors import PlatformError
from infra.backup_places import BackupAccess, S3Place
from infra.settings import ImageSource, parse


def test_a_stack_without_settings_is_the_embedded_one():
    settings = parse("dev", {})
    assert settings.images is ImageSource.EMBEDDED
    assert settings.embedding_profile == "embedded"
    assert settings.host == "127.0.0.1"


def test_settings_arrive_as_text_and_json():
    settings = parse(
        "s",
        {
            "christmas:ports": '{"postgres": 5433, "weaviateGrpc": 50052}',
            "christmas:certificateDays": "30",
            "christmas:rotations": '{"api": 2}',
            "christmas:limits": '{"redis": {"memoryMib": 2048}}',
            "docker:host": "unix:///somewhere",
        },
    )
    assert (settings.ports.postgres, settings.ports.weaviate_grpc, settings.ports.redis) == (5433, 50052, None)
    assert settings.certificate_days == 30
    assert settings.rotations == {"api": 2}
    assert settings.limits["redis"].memory_mib == 2048


def test_the_vendors_key_switches_the_profile_and_hides_itself():
    settings = parse("s", {"christmas:OPENAI_API_KEY": "sk-something"})
    assert settings.embedding_profile == "openai"
    assert "sk-something" not in repr(settings)


GOOD = "route: {receiver: mail}\nreceivers: [{name: mail, email_configs: [{to: hush@example.com}]}]\n"


def test_monitoring_is_off_and_its_alerts_a_secret():
    assert not parse("s", {}).monitoring
    settings = parse(
        "s", {"christmas:monitoring": "true", "christmas:alertmanager": GOOD, "christmas:limits": '{"monitoring": {"memoryMib": 900}}'}
    )
    assert settings.monitoring
    assert settings.alertmanager is not None
    assert settings.alertmanager.get_secret_value() == GOOD
    assert "hush" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("route: {receiver: hush", "not YAML, line"),
        ("just words", "needs a route and receivers"),
        ("route: {receiver: mail}", "needs a route and receivers"),
        ("route: hush\nreceivers: []", "needs a route and receivers"),
        (GOOD.replace("receiver: mail", "receiver: hush"), "none of the receivers"),
    ],
)
def test_what_is_no_configuration_of_alertmanager_is_refused_without_its_secrets(text, told):
    with pytest.raises(PlatformError, match=told) as refused:
        parse("s", {"christmas:monitoring": "true", "christmas:alertmanager": text})
    assert "hush" not in str(refused.value)


S3 = '"type": "s3", "endpoint": "https://s3.example.org:9000", "bucket": "backups", "keyId": "id", "secretKey": "hush-hush"'


def test_places_of_backups_are_read_and_hide_their_credentials(tmp_path):
    (tmp_path / "ca.pem").write_text("a certificate")
    copies = f'{{"nas": {{"type": "local", "path": "/mnt/nas"}}, "far": {{{S3}, "caFile": "{tmp_path}/ca.pem"}}}}'
    backup = parse("s", {"christmas:backup": f'{{"place": {{{S3}, "prefix": "a/b"}}, "copies": {copies}}}'}).backup
    assert backup.place
    assert (backup.place.host, backup.place.port, backup.place.prefix) == ("s3.example.org", 9000, "a/b")
    assert backup.copies["nas"].where == "/mnt/nas"
    assert isinstance(backup.copies["far"], S3Place)
    assert backup.copies["far"].ca_certificate == "a certificate"
    assert "hush-hush" not in repr(backup)
    assert BackupAccess.model_validate({"place": backup.place.with_secrets()}).place == backup.place


UPSTREAM = '{"timescaledb": {"reference": "a/b:1"}, "redis": {"reference": "r:1"}, "weaviate": {"reference": "w:1"}}'


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"christmas:certificateDay": "3"}, "did you mean certificateDays?"),
        ({"christmas:foo": "3"}, "unknown setting"),
        ({"chrismas:ports": "{}"}, "did you mean christmas:ports?"),
        ({"christmas:ports": '{"postgress": 5432}'}, "ports.postgress"),
        ({"christmas:ports": '{"postgres": 70000}'}, "65535"),
        ({"christmas:ports": "5432"}, "christmas:ports"),
        ({"christmas:clientNetworks": '["192.0.2.1/24"]'}, "clientNetworks"),
        ({"christmas:bindAddress": "localhosst"}, "bindAddress"),
        ({"christmas:subnet": "10.1.2.0/99"}, "subnet"),
        ({"christmas:topology": "cluster"}, "topology"),
        ({"christmas:images": "upstrem"}, "images"),
        ({"christmas:images": "upstream"}, "needs a reference"),
        ({"christmas:images": "upstream", "christmas:upstream": UPSTREAM.replace("r:1", "redis")}, "upstream.redis.reference"),
        ({"christmas:limits": '{"rediss": {}}'}, "unknown service 'rediss'"),
        ({"christmas:limits": '{"redis": {"memoryMib": 1}}'}, "128"),
        ({"christmas:backup": '{"place": {"type": "s3"}}'}, "backup.place.endpoint"),
        ({"christmas:backup": f'{{"place": {{{S3.replace("https", "http")}}}}}'}, "backup.place.endpoint"),
        ({"christmas:backup": f'{{"place": {{{S3}, "caFile": "/no/such.pem"}}}}'}, "can't be read"),
        ({"christmas:backup": '{"recipients": ["AGE-SECRET-KEY-1"]}'}, "is not an age recipient"),
        ({"christmas:backup": '{"copies": {"first": {"type": "local", "path": "/x"}}}'}, "can't be a copy's name"),
        ({"christmas:backup": '{"copies": {"nas": {"type": "local", "path": "relative"}}}'}, "backup.copies.nas"),
        ({"christmas:backup": '{"copies": {"nas": {"type": "ftp"}}}'}, "backup.copies.nas"),
    ],
)
def test_a_mistake_names_the_setting_and_the_file(raw, said):
    with pytest.raises(PlatformError) as caught:
        parse("blue", raw)
    assert said in str(caught.value)
    assert "Pulumi.blue.yaml" in str(caught.value)


def test_a_wrong_secret_is_not_repeated_in_the_message():
    with pytest.raises(PlatformError) as caught:
        parse("s", {"christmas:OPENAI_API_KEY": ""})
    assert "OPENAI_API_KEY" in str(caught.value)
