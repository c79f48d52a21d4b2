"""The properties of `docker:index/container:Container`.

`place` is a value's place in the container API; properties without one are handled by name in `resources`.
"""

from __future__ import annotations

from airgap.toolchain.docker_plugin import codecs
from airgap.toolchain.docker_plugin.properties import ABSENT, Change, Kind, Property
from airgap.toolchain.docker_plugin.tables import checks
from airgap.toolchain.docker_plugin.tables import container_parts as parts
from airgap.toolchain.docker_plugin.tables.labels import LABEL_FIELDS

_PROCESS = (
    Property("name", Kind.TEXT, required=True),
    Property("image", Kind.TEXT, required=True),
    Property("command", Kind.TEXTS, computed=True, place="Config.Cmd", created=[], refreshed=[], refuse=checks.no_empty_word),
    Property("entrypoints", Kind.TEXTS, computed=True, place="Config.Entrypoint", created=[], refreshed=[]),
    Property("envs", Kind.TEXT_SET, computed=True, place="Config.Env", created=[], refreshed=[], refuse=checks.an_assignment),
    Property("user", Kind.TEXT, computed=True, place="Config.User", created="", refreshed=""),
    Property("workingDir", Kind.TEXT, computed=True, place="Config.WorkingDir", created="", refreshed=""),
    Property("hostname", Kind.TEXT, computed=True, place="Config.Hostname", created="", refreshed=""),
    Property("domainname", Kind.TEXT, place="Config.Domainname", created="", refreshed=""),
    Property(
        "labels", Kind.OBJECT_SET, computed=True, place="Config.Labels", codec=codecs.LABELS, fields=LABEL_FIELDS, created=[], refreshed=[]
    ),
    Property("stopSignal", Kind.TEXT, computed=True, place="Config.StopSignal", created="", refreshed=""),
    Property(
        "stopTimeout", Kind.NUMBER, computed=True, place="Config.StopTimeout", created=0, refreshed=0, refuse=checks.at_least(0, "seconds")
    ),
    Property("tty", Kind.SWITCH, place="Config.Tty", created=False, refreshed=False),
    Property("stdinOpen", Kind.SWITCH, place="Config.OpenStdin", created=False, refreshed=False),
    Property("init", Kind.SWITCH, Change.STUCK, computed=True, place="HostConfig.Init", created=False, refreshed=False),
    Property("platform", Kind.TEXT, computed=True),
)

_LIMITS = (
    Property(
        "memory",
        Kind.NUMBER,
        Change.UPDATE,
        place="HostConfig.Memory",
        codec=codecs.MEBIBYTES,
        created=0,
        refreshed=0,
        refuse=checks.at_least(0),
    ),
    Property(
        "memoryReservation",
        Kind.NUMBER,
        Change.UPDATE,
        place="HostConfig.MemoryReservation",
        codec=codecs.MEBIBYTES,
        created=0,
        refreshed=0,
        refuse=checks.at_least(0),
    ),
    Property(
        "memorySwap",
        Kind.NUMBER,
        Change.UPDATE,
        computed=True,
        place="HostConfig.MemorySwap",
        codec=codecs.MEBIBYTES,
        created=0,
        refreshed=0,
        refuse=checks.at_least(-1),
    ),
    Property(
        "shmSize",
        Kind.NUMBER,
        computed=True,
        place="HostConfig.ShmSize",
        codec=codecs.MEBIBYTES,
        created=0,
        refreshed=0,
        refuse=checks.at_least(0),
    ),
    Property(
        "cpuShares",
        Kind.NUMBER,
        Change.UPDATE,
        place="HostConfig.CpuShares",
        created=0,
        refreshed=0,
        refuse=checks.at_least(0),
        canonical=lambda shares: shares or codecs.DEFAULT_SHARES,
    ),
    Property(
        "cpuSet",
        Kind.TEXT,
        Change.UPDATE,
        place="HostConfig.CpusetCpus",
        created="",
        refreshed="",
        refuse=checks.matching(r"(\d+([,-]\d+)*)?", "CPU numbers such as `0-1` or `0,2`"),
    ),
    Property(
        "cpus",
        Kind.TEXT,
        place="HostConfig.NanoCpus",
        codec=codecs.NANO_CPUS,
        refuse=checks.some_cpus,
        canonical=lambda cpus: codecs.NANO_CPUS.encode(cpus or 0),
    ),
    Property("cpuPeriod", Kind.NUMBER, place="HostConfig.CpuPeriod"),
    Property("cpuQuota", Kind.NUMBER, place="HostConfig.CpuQuota"),
    Property(
        "ulimits",
        Kind.OBJECT_SET,
        place="HostConfig.Ulimits",
        codec=codecs.renamed(name="Name", soft="Soft", hard="Hard"),
        created=[],
        refreshed=[],
        fields=(
            Property("hard", Kind.NUMBER, required=True),
            Property("name", Kind.TEXT, required=True),
            Property("soft", Kind.NUMBER, required=True),
        ),
    ),
    Property("storageOpts", Kind.TEXT_MAP, place="HostConfig.StorageOpt", refreshed={}),
    Property("sysctls", Kind.TEXT_MAP, place="HostConfig.Sysctls", refreshed={}),
)

_SECURITY = (
    Property("capabilities", Kind.OBJECT, fields=parts.CAPABILITIES),
    Property("privileged", Kind.SWITCH, place="HostConfig.Privileged", created=False, refreshed=False),
    Property("readOnly", Kind.SWITCH, place="HostConfig.ReadonlyRootfs", created=False, refreshed=False),
    Property(
        "securityOpts",
        Kind.TEXT_SET,
        computed=True,
        place="HostConfig.SecurityOpt",
        created=[],
        refreshed=[],
        canonical=lambda options: [codecs.security_option(option) for option in options],
    ),
    Property("groupAdds", Kind.TEXT_SET, place="HostConfig.GroupAdd", refreshed=[]),
    Property("usernsMode", Kind.TEXT, place="HostConfig.UsernsMode", created="", refreshed=""),
    Property("pidMode", Kind.TEXT, place="HostConfig.PidMode"),
    Property("ipcMode", Kind.TEXT, computed=True, place="HostConfig.IpcMode"),
    Property(
        "cgroupnsMode", Kind.TEXT, silent=True, computed=True, place="HostConfig.CgroupnsMode", refuse=checks.one_of("private", "host")
    ),
    Property("cgroupParent", Kind.TEXT, place="HostConfig.CgroupParent"),
    Property("runtime", Kind.TEXT, computed=True, place="HostConfig.Runtime"),
)

_DEVICES = (
    Property(
        "devices",
        Kind.OBJECT_SET,
        place="HostConfig.Devices",
        codec=parts.DEVICES,
        fields=parts.DEVICE_FIELDS,
        created=[],
        refreshed=[],
        whole=True,
        canonical=parts.devices_in_full,
    ),
    Property("deviceCgroupRules", Kind.TEXT_SET, place="HostConfig.DeviceCgroupRules", created=ABSENT, refreshed=ABSENT),
    *(
        Property(
            name,
            Kind.OBJECT_SET,
            place=f"HostConfig.Blkio{there}",
            codec=parts.RATES,
            fields=parts.RATE_FIELDS,
            created=[],
            refreshed=[],
            whole=True,
        )
        for name, there in (
            ("deviceReadBps", "DeviceReadBps"),
            ("deviceReadIops", "DeviceReadIOps"),
            ("deviceWriteBps", "DeviceWriteBps"),
            ("deviceWriteIops", "DeviceWriteIOps"),
        )
    ),
    Property("deviceRequests", Kind.OBJECT_SET, fields=parts.DEVICE_REQUEST_FIELDS, created=[], refreshed=[], whole=True),
    Property("gpus", Kind.TEXT, refuse=checks.matching(r"all|device=.+", "`all` or `device=ID[,ID…]`")),
)

_STORAGE = (
    Property("volumes", Kind.OBJECT_SET, fields=parts.VOLUME_FIELDS, whole=True, created=[], refreshed=[]),
    Property("mounts", Kind.OBJECT_SET, Change.STUCK, fields=parts.MOUNT_FIELDS, whole=True, created=[], refreshed=[]),
    Property("tmpfs", Kind.TEXT_MAP, Change.STUCK, place="HostConfig.Tmpfs", refreshed={}),
    Property("uploads", Kind.OBJECT_SET, fields=parts.UPLOAD_FIELDS, whole=True, created=[], refreshed=[]),
)

_NETWORK = (
    Property(
        "ports",
        Kind.OBJECTS,
        fields=parts.PORT_FIELDS,
        computed_if="publishAllPorts",
        created=[],
        refreshed=[],
        canonical=parts.ports_in_order,
    ),
    Property("publishAllPorts", Kind.SWITCH, place="HostConfig.PublishAllPorts", created=False, refreshed=False),
    Property("networkMode", Kind.TEXT, default="bridge", place="HostConfig.NetworkMode", canonical=parts.network_mode),
    Property("networksAdvanced", Kind.OBJECT_SET, fields=parts.NETWORK_FIELDS, whole=True, created=[], refreshed=[]),
    Property("dns", Kind.TEXT_SET, place="HostConfig.Dns", refreshed=[]),
    Property("dnsOpts", Kind.TEXT_SET, place="HostConfig.DnsOptions", refreshed=[]),
    Property("dnsSearches", Kind.TEXT_SET, place="HostConfig.DnsSearch", refreshed=[]),
    Property(
        "hosts", Kind.OBJECT_SET, place="HostConfig.ExtraHosts", codec=codecs.HOSTS, fields=parts.HOST_FIELDS, created=[], refreshed=[]
    ),
)

_LIFE = (
    Property(
        "restart",
        Kind.TEXT,
        Change.UPDATE,
        default="no",
        place="HostConfig.RestartPolicy.Name",
        codec=codecs.RESTART,
        refuse=checks.one_of("no", "on-failure", "always", "unless-stopped"),
    ),
    Property(
        "maxRetryCount",
        Kind.NUMBER,
        Change.UPDATE,
        place="HostConfig.RestartPolicy.MaximumRetryCount",
        created=0,
        refreshed=0,
        refuse=checks.at_least(0),
    ),
    Property("healthcheck", Kind.OBJECT, Change.STUCK, computed=True, fields=parts.HEALTHCHECK_FIELDS),
    Property("logDriver", Kind.TEXT, computed=True, place="HostConfig.LogConfig.Type"),
    Property("logOpts", Kind.TEXT_MAP, place="HostConfig.LogConfig.Config", refreshed={}),
    Property("rm", Kind.SWITCH, Change.STUCK, place="HostConfig.AutoRemove", created=False, refreshed=False),
    Property("start", Kind.SWITCH, Change.RECORD, default=True),
    Property("mustRun", Kind.SWITCH, Change.RECORD, default=True),
    Property("wait", Kind.SWITCH, Change.RECORD, created=False, refreshed=False),
    Property("waitTimeout", Kind.NUMBER, Change.RECORD, default=60, refuse=checks.at_least(1, "second")),
    Property("attach", Kind.SWITCH, Change.RECORD, created=False, refreshed=False),
    Property("logs", Kind.SWITCH, Change.RECORD, created=False, refreshed=False),
    Property("removeVolumes", Kind.SWITCH, Change.RECORD, default=True),
    Property("destroyGraceSeconds", Kind.NUMBER, Change.RECORD, refuse=checks.at_least(0, "seconds")),
    Property("containerReadRefreshTimeoutMilliseconds", Kind.NUMBER, Change.RECORD, default=15000, refuse=checks.at_least(1)),
)

CONTAINER = _PROCESS + _LIMITS + _SECURITY + _DEVICES + _STORAGE + _NETWORK + _LIFE
