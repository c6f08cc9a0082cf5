"""Secrets as people really write them, made here from a fixed seed.

Every value is composed (a maker's prefix, then random characters), so that no scanner takes this file for a leak.
"""

from __future__ import annotations

import base64
import json
import random
import string
import urllib.parse
from dataclasses import dataclass, field

_RANDOM = random.Random(20260)
_BASE62 = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"


def some(length: int, letters: str = _BASE62) -> str:
    """Random characters, of which each kind is there."""
    while True:
        made = "".join(_RANDOM.choice(letters) for _ in range(length))
        if (
            letters is not _BASE62
            or length < 8
            or (any(c.isdigit() for c in made) and any(c.isupper() for c in made) and any(c.islower() for c in made))
        ):
            return made


def chosen() -> str:
    """A password as people choose it: nothing of it looks like a key, so that only what stands around it tells."""
    words = "anna berlin dragon garden hockey monkey sommer summer tulip winter".split()  # noqa: SIM905 - a table
    return f"{_RANDOM.choice(words)}{_RANDOM.randrange(100, 10_000)}{_RANDOM.choice(words)}"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@dataclass(frozen=True)
class Shape:
    """A text with a secret in it; `planted` must not come out, nor any half of it that is long enough to be of use."""

    name: str
    text: str
    planted: tuple[str, ...] = field(default=())
    ends: bool = False  # what it is only at the end of a text that was cut

    def leaks(self, out: str) -> list[str]:
        return [part for one in self.planted for part in parts(one) if part in out]


def parts(planted: str) -> list[str]:
    """The secret and its pieces of 10 characters and more: a tail is a leak as well."""
    if len(planted) < 20:
        return [planted]
    return [planted[at : at + 12] for at in range(0, len(planted) - 11, 4)]


def _keyed() -> list[Shape]:
    """The keys under which people keep secrets, in the ways in which they write a key and its value."""
    keys = (  # noqa: SIM905 - a table
        "password passwd pass pwd DB_PASS db_password PGPASSWORD MYSQL_PWD userPassword SMTP_PASS passphrase auth REDIS_AUTH redisAuth secret "
        "client_secret clientSecret APP_SECRET token api_token accessToken refresh-token id_token BOT_TOKEN apikey api_key API-KEY X-Api-Key "
        "access_key aws_secret_access_key aws_session_token SecretAccessKey private_key privateKey ssh_key SSH_KEY encryption_key FERNET_KEY "
        "AIRFLOW__CORE__FERNET_KEY AIRFLOW__WEBSERVER__SECRET_KEY routing_key integration_key service_key AccountKey SharedAccessKey "
        "storageAccountKey signing_key SECRET_KEY_BASE credential credentials sig Signature X-Amz-Signature X-Amz-Security-Token "
        "connection_string dsn sessionid session_id PHPSESSID jwt bearer passcode otp licenseKey consumer_key master_key unseal_key "
        "hmac_key webhook_secret opsgenie_api_key pagerduty_key datadog_api_key DD_APP_KEY sentry_key private-token X-Vault-Token "
        "X-Auth-Token x-scope-secret gitlab_token npm_token HF_TOKEN minio_secret_key S3_SECRET_KEY root_password adminPassword "
        "spring.datasource.password keystore.password ldap_bind_password bindPassword basic_auth_password slack_api_token"
    ).split()
    made = [Shape(f"{key} =", f"{key}={(value := chosen())}", (value,)) for key in keys]
    made += [Shape(f"{key} json", json.dumps({"user": "bob", key: (value := chosen()), "n": 1}), (value,)) for key in keys]
    return made + [Shape(f"{key} yaml", f"user: bob\n{key}: {(value := chosen())}\nport: 5432", (value,)) for key in keys]


def _writings() -> list[Shape]:
    def one(name: str, text: str, *more: str, ends: bool = False) -> Shape:
        value, tail = chosen(), chosen()
        return Shape(
            name,
            text.replace("VALUE", value).replace("TAIL", tail),
            tuple(x for x in (value if "VALUE" in text else "", tail if "TAIL" in text else "", *more) if x),
            ends,
        )

    aws = f"{some(12)}/{some(12)}+{some(13)}"
    long = some(400)
    return [
        Shape("value with slashes", f"aws_secret_access_key={aws}", (aws,)),
        Shape("value with slashes yaml", f"  secret_key: {aws}", (aws,)),
        Shape("path-like value", f"password={(p := '/' + some(8) + '/' + some(9))}", (p,)),
        one("go struct", "{Username:bob Password:VALUE Host:db}"),
        one("go map", "map[host:db password:VALUE user:bob]"),
        one("go struct quoted", 'Config{User:"bob", Password:"VALUE, TAIL", Host:"db"}'),
        one("ruby hash", ':password=>"VALUE", :user=>"bob"'),
        one("perl hash", "'password' => 'VALUE TAIL'"),
        one("go assignment", 'password := "VALUE"'),
        one("python bytes", "password=b'VALUE'"),
        one("python bytes in a dict", "{'token': b'VALUE', 'user': 'x'}"),
        one("python repr", "Settings(user='bob', password='VALUE;TAIL', host='db')"),
        one("secret string", "password=SecretStr('VALUE')"),
        one("tail after a comma", 'password="VALUE,TAIL"'),
        one("tail after a semicolon", "password='VALUE;TAIL'"),
        one("tail after an ampersand", 'token="VALUE&TAIL"'),
        one("tail after an escaped quote", json.dumps({"password": 'VALUE"TAIL'})),
        one("tail after a quote in json in json", json.dumps({"msg": json.dumps({"password": 'VALUE"TAIL'})})),
        one("json in json in json", json.dumps(json.dumps({"msg": json.dumps({"apiKey": "VALUE TAIL"})}))),
        one("unquoted with a comma", "DB_PASS=VALUE,TAIL next"),
        one("unquoted with an ampersand", "export DB_PASS=VALUE&TAIL"),
        one("unquoted with a bracket", "password=VALUE)TAIL more"),
        one("shell concatenation", "TOKEN=VALUE'TAIL' run"),
        one("yaml quoted", "password: 'VALUE ''TAIL'"),
        one("yaml with blanks", "\npassword: VALUE TAIL"),
        one("yaml block", "\npassword: |\n  VALUE\n  TAIL\nuser: bob"),
        one("yaml folded", "db:\n  secret_key: >-\n    VALUE\n    TAIL\n  user: bob"),
        one("yaml next line", "\ntoken:\n  VALUE\nuser: bob"),
        one("yaml list", "\napi_keys:\n  - VALUE\n  - TAIL\nuser: bob"),
        one("json list", '{"apiKey": ["VALUE", "TAIL"], "x": 1}'),
        one("pretty json", '{\n  "password":\n    "VALUE TAIL"\n}'),
        one("name and value", '{"name":"DB_PASSWORD","value":"VALUE"}'),
        one("name and value with a tail", '{"name":"DB_PASS","value":"VALUE \\"TAIL"}'),
        one("value and name", '{"value":"VALUE","name":"DB_PASSWORD"}'),
        one("name and value in yaml", "env:\n  - name: DB_PASSWORD\n    value: VALUE"),
        one("name and value in yaml, quoted", 'env:\n- name: "API_KEY"\n  value: "VALUE TAIL"\n- name: X\n  value: y'),
        one("value and name in yaml", "- value: VALUE\n  name: AUTH_TOKEN"),
        one("key and value", '{"Key": "SSH_KEY", "Value": "VALUE"}'),
        one("name and value in a struct", "EnvVar{Name:DB_PASS,Value:VALUE,ValueFrom:nil,}"),
        one("escaped yaml", 'data: "env:\\n- name: DB_PASSWORD\\n  value: VALUE\\n"'),
        one("secret in json", '{"kind":"Secret","data":{"a":"VALUE"},"metadata":{"name":"x"}}'),
        one("secret in yaml", "apiVersion: v1\nkind: Secret\ndata:\n  a: VALUE\n  b: TAIL\nmetadata:\n  name: x"),
        one("string data", "\nstringData:\n  url: VALUE\n  other: TAIL\ntype: Opaque"),
        one("string data in json", '{"stringData": {"a": "VALUE", "b": {"c": "TAIL"}}}'),
        one("flag", "--password VALUE"),
        one("flag with equals", "--api-token=VALUE"),
        one("one dash", "run -password VALUE now"),
        one("flag list in json", '["--password","VALUE"]'),
        one("flag list in python", "['--db-password', 'VALUE TAIL']"),
        one("flag list in yaml", "args:\n- --client-secret\n- VALUE"),
        one("flag on an escaped line", "run\\n--password VALUE\\n"),
        one("flag quoted", '--password "VALUE TAIL" --x'),
        one("curl user", "curl -u admin:VALUE https://x"),
        one("curl user long", "curl --user 'admin:VALUE' https://x"),
        one("sshpass", "sshpass -p VALUE ssh root@host"),
        one("redis-cli", "redis-cli -h redis -a VALUE ping"),
        one("mysql", "mysql -u root -pVALUE db"),
        one("docker login", "docker login -u x -p VALUE registry"),
        one("requirepass", "requirepass VALUE"),
        one("netrc", "machine x.example.org login bob password VALUE"),
        one("sql", "CREATE USER 'bob'@'%' IDENTIFIED BY 'VALUE'"),
        one("sql with password", "ALTER ROLE bob WITH PASSWORD 'VALUE'"),
        one("in a sentence", "the password is VALUE"),
        one("in a sentence, quoted", 'login failed with password "VALUE"'),
        one("xml", "<password>VALUE</password>"),
        one("xml with a prefix", '<ns:ApiToken type="x">VALUE</ns:ApiToken>'),
        one("properties", "spring.datasource.password = VALUE"),
        one("toml", 'secret_key = "VALUE TAIL"'),
        one("terraform", 'variable "x" { default_password = "VALUE" }'),
        one("query string", "GET /v1/items?token=VALUE&limit=1"),
        one("query string at the end", "GET /items?limit=1&api_key=VALUE HTTP/1.1"),
        one("rails", "user[password]=VALUE&x=1"),
        one("sas", "https://acc.blob.core.windows.net/c?sv=2022&sig=VALUE%3D&se=2025"),
        one("azure connection string", "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=VALUE/TAIL==;EndpointSuffix=core"),
        one("service bus", "Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=VALUE="),
        one("jdbc", "jdbc:postgresql://db:5432/x?user=bob&password=VALUE"),
        one("odbc", "Driver={ODBC};Server=db;Uid=sa;Pwd=VALUE;"),
        one("sql server", "Server=db;User Id=sa;Password=VALUE;Encrypt=true"),
        one("libpq", "host=db user=bob password=VALUE dbname=x"),
        one("authorization basic", "Authorization: Basic " + b64("admin:" + some(9))),
        one("authorization bearer", "Authorization: Bearer VALUE"),
        one("authorization genie", "Authorization: GenieKey VALUE"),
        one("authorization token", "Authorization: Token token=VALUE"),
        one("authorization splunk", "authorization: Splunk VALUE"),
        one("authorization apikey", "Authorization: ApiKey VALUE"),
        one("authorization bare", "Authorization: VALUE"),
        one(
            "authorization aws",
            "Authorization: AWS4-HMAC-SHA256 Credential=AKIDX/20260101/eu/s3/aws4_request, SignedHeaders=host, Signature=VALUE",
        ),
        one("authorization digest", 'Authorization: Digest username="bob", realm="x", response="VALUE"'),
        one("authorization in json", '{"Authorization": "Bearer VALUE", "Accept": "*/*"}'),
        one("authorization in a list", "headers=[('Authorization', 'Token VALUE'), ('Accept', 'x')]"),
        one("authorization in go", "map[Accept:[*/*] Authorization:[Bearer VALUE] Host:[x]]"),
        one("authorization in curl", 'curl -H "Authorization: GenieKey VALUE" https://api.example.org'),
        one("authorization in logfmt", 'level=info authorization="Bearer VALUE" status=401'),
        one("proxy authorization", "Proxy-Authorization: Basic " + b64("p:" + some(12))),
        one("bare bearer", "sent bearer VALUE to it"),
        one("cookie", "Cookie: session=VALUE; csrftoken=TAIL"),
        one("set-cookie", "Set-Cookie: sid=VALUE; Path=/; HttpOnly"),
        one("cookie in json", '{"cookie": "a=VALUE; b=TAIL"}'),
        one("docker config", '{"auths":{"r.example.org":{"username":"u","password":"VALUE","auth":"' + b64("u:" + some(10)) + '"}}}'),
        Shape(
            "docker config in base64",
            f".dockerconfigjson: {(v := b64(json.dumps({'auths': {'r.example.org': {'auth': some(20)}}})))}",
            (v,),
        ),
        Shape("docker config in base64, bare", f"pulled with {(v := b64(json.dumps({'auths': {'r': {'auth': some(20)}}})))}", (v,)),
        one("kubeconfig", "users:\n- name: x\n  user:\n    token: VALUE\n    client-key-data: TAIL"),
        Shape("kubeconfig key", f"client-key-data: {(v := b64('-----BEGIN ' + 'PRIVATE KEY-----' + some(60)))}", (v,)),
        Shape(
            "kubeconfig oidc", f"auth-provider:\n  config:\n    id-token: {(v := some(60))}\n    refresh-token: {(w := some(40))}", (v, w)
        ),
        one("url password", "https://admin:VALUE@db.example.org/x"),
        one("url password with a slash", "postgres://app:VALUE/TAIL@db:5432/x"),
        one("url password with an at", f"postgres://app:VALUE@{(t := some(14))}@db:5432/x", t),
        one("url password with both", f"amqp://app:VALUE/x@{(t := some(14))}@mq:5672", t),
        one("url password with a question mark", "redis://:VALUE?TAIL@redis:6379/0"),
        Shape("long url password", f"https://x:{long}@db.example.org/x", (long,)),
        one("url token as user", "https://VALUEVALUE@github.com/org/repo.git"),
        one("url token and dummy", "https://VALUEVALUE:x-oauth-basic@github.com/org/repo.git"),
        one("url with an encoded user", "https://bob%40corp.com:VALUE@host/x"),
        one("cut url password", "fatal: cannot reach https://bob:VALUE", ends=True),
        one("mysql dsn", "app:VALUE@tcp(db:3306)/x?parseTime=true"),
        one("sentry dsn", f"https://{(h := some(32, _HEX))}@o1.ingest.sentry.io/2", h),
        one("no scheme", "connect to admin:VALUE@10.0.0.1 failed"),
        one("private key", "-----BEGIN RSA " + "PRIVATE KEY-----\nVALUE\nTAIL\n-----END RSA " + "PRIVATE KEY-----"),
        one("private key on one line", '"-----BEGIN ' + "PRIVATE KEY-----\\nVALUE\\nTAIL\\n-----END " + 'PRIVATE KEY-----\\n"'),
        one("cut private key", "x -----BEGIN EC " + "PRIVATE KEY-----\nVALUE"),
        one("openssh", "-----BEGIN OPENSSH " + "PRIVATE KEY-----\nVALUE\n-----END OPENSSH " + "PRIVATE KEY-----"),
        one("pgp", "-----BEGIN PGP " + "PRIVATE KEY BLOCK-----\n\nVALUE\n-----END PGP " + "PRIVATE KEY BLOCK-----"),
        Shape("line of a key", f"{(v := some(64))}", (v,)),
        Shape("key in base64", f"tls.key: {(v := b64('-----BEGIN RSA ' + 'PRIVATE KEY-----' + some(40)))}", (v,)),
        Shape("age key", "AGE-SECRET-KEY-1" + (v := some(58, string.ascii_uppercase + "0123456789")), (v,)),
        Shape("high entropy", f"connecting with {(v := some(40))} failed", (v,)),
        Shape("base64 of text", f"got {b64(v := 'user:' + some(20))}", (b64(v),)),
        one("html", "&lt;token&gt; password=&quot;VALUE &amp; TAIL&quot;"),
        one("hex escapes", "\\x22password\\x22: \\x22VALUE TAIL\\x22"),
        one("encoded json", urllib.parse.quote('{"password": "VALUE"}')),
        one("encoded twice", urllib.parse.quote(urllib.parse.quote('{"password": "VALUE"}'))),
        one("encoded query", "next=%3Ftoken%3DVALUE%26x%3D1"),
        one("logfmt", 'level=error msg="login failed" password=VALUE user=bob'),
        one("logfmt message", 'level=error msg="auth failed: token=VALUE" user=bob'),
        one("unicode before it", "пароль — password=VALUE ✓"),
        one("assignment with blanks", "password   =   VALUE"),
        one("env dump", "PATH=/bin\nDB_PASS=VALUE\nHOME=/root"),
        one("printenv in a list", "['PATH=/bin', 'DB_PASS=VALUE', 'HOME=/root']"),
        one("helm set", "helm upgrade x y --set adminPassword=VALUE,replicas=2"),
        one("kubectl literal", "kubectl create secret generic x --from-literal=password=VALUE"),
        one("vault", "vault login token=VALUE"),
        one("grafana ini", "[security]\nadmin_password = VALUE\n"),
        one("odbc with braces", "DRIVER={ODBC};UID=sa;PWD={VALUE};SERVER=db"),
        one("heredoc", "password = <<EOT\nVALUE\nEOT\n"),
        one("heredoc in a substitution", "export PASSWORD=$(cat <<EOF\nVALUE\nEOF\n)"),
        one("terraform variable", 'variable "db_password" {\n  default = "VALUE"\n}'),
        one("doubled quotes", 'a,"{""password"": ""VALUE""}",b'),
        one("folded by yaml", 'a: \'{"user": "bob",\n    "x": 1, "password":\n    "VALUE", "y": 2}\''),
        one("quoted credentials", '{"credentials": "VALUE", "type": "x"}'),
        one("hadoop", "<property><name>fs.s3a.secret.key</name><value>VALUE</value></property>"),
        one("xml cdata", "<password><![CDATA[VALUE]]></password>"),
        one("form in parts", 'Content-Disposition: form-data; name="password"\r\n\r\nVALUE\r\n--x'),
        one("form with blanks as plus", "argv=curl+-s+--password+VALUE+https"),
        one("refused by the API server", 'spec.password: Invalid value: "VALUE": it is too short'),
        one("refused key of a secret", 'data[password]: Invalid value: "VALUE"'),
        one("compared", "if password == 'VALUE'"),
        one("wide colon", "password：VALUE"),
        one("wide colon in json", '{"m": "password\\uff1aVALUE"}'),
        one("arrow", "password → VALUE"),
        one("coloured", "\x1b[36mpassword\x1b[0m=\x1b[1mVALUE\x1b[0m"),
        one("coloured, escaped", '{"m": "\\u001b[36mpassword\\u001b[0m: VALUE"}'),
        one("invisible in the key", "pass\u200bword=VALUE"),
        one("a key that is not English", "пароль: VALUE"),
        one("a key that is not English, in json", json.dumps({"пароль": "VALUE"})),
        one("a key that is not English, in a url", f"{urllib.parse.quote('пароль')}=VALUE"),
        one("insert", "INSERT INTO users (name, password) values ('bob','VALUE'), ('eve','TAIL')"),
        one("generated", "A temporary password is generated for root@localhost: VALUE"),
        one("on the line below", "Please use the following password to proceed to installation:\n\nVALUE\n"),
        one("changed from", "changed password for bob from VALUE to another"),
        one("short word for it", "trying with pw VALUE"),
        one("oracle", "jdbc:oracle:thin:scott/VALUE@//db:1521/x"),
        one("sqlplus", "sqlplus -s scott/VALUE@db"),
        one("pgpass", "db:5432:x:app:VALUE"),
        one("curl user without a blank", "curl -sSu admin:VALUE https://x"),
        one("curl user in one", "curl -uadmin:VALUE https://x"),
        one("curl cookie", "curl -b 'session=VALUE' https://x"),
        one("htpasswd", "htpasswd -nbB bob VALUE"),
        one("minio client", "mc alias set minio http://minio:9000 minioadmin VALUE"),
        one("no scheme, two slashes", "//app:VALUE@db.example.org/x"),
        one("quote in the password of a url", "postgres://app:ab'VALUE@db/x"),
        one("bracket in the password of a url", "postgres://app:ab<VALUE@db/x"),
        one("blank in the password of a url", "postgres://app:ab12 VALUE@db/x"),
        one("key of an address", "GET https://api.example.org/v1/x?key=VALUE&page=2"),
        one("code of an address", "https://fn.example.org/api/run?a=1&code=VALUE"),
        one("setter of a token", 'client.setToken("VALUE")'),
        one("builder of a key", 'new Client().withApiKey("VALUE").build()'),
        one("row of a table", "| user | bob |\n| password | VALUE |\n| port | 5432 |"),
        one("row of a table with blanks", "|  api_key  |  VALUE TAIL  |"),
        one("a call with the user before it", "auth=HTTPBasicAuth('bob', 'VALUE')"),
        one("a pair", "auth=('bob', 'VALUE')"),
        one("a secure string", '$password = ConvertTo-SecureString "VALUE" -AsPlainText -Force'),
        one("arguments of a call that failed", "#0 /app/db.php(12): PDO->__construct('mysql:host=db', 'bob', 'VALUE')"),
        one("login modules", 'plain.PlainLoginModule required\n username="a"\n user_bob="VALUE"\n user_eve="TAIL";'),
        one("rabbitmqctl", "rabbitmqctl add_user bob VALUE"),
        one("az login", "az login --service-principal -u x -p VALUE --tenant t"),
        one("lftp", "lftp -u bob,VALUE sftp://host"),
        one("mosquitto", "mosquitto_pub -h mq -u bob -P VALUE -t x"),
        one("snmp", "snmpget -v2c -c VALUE host"),
        one("redis asked to authenticate", '1339518083.1 [0 127.0.0.1:6] "AUTH" "default" "VALUE"'),
        one("acl of redis", "ACL SETUSER bob on >VALUE ~* +@all"),
        one("oracle's easy connect", "bob/VALUE@db.example.org:1521/ORCL"),
        one("dsn without a host", 'dsn "bob:VALUE@/x"'),
        one("pair after credentials", "logging in with credentials bob:VALUE"),
        one("sql set password", "SET PASSWORD FOR 'bob'@'%' = 'VALUE'"),
        one("sql identified by a hash", f"GRANT ALL ON *.* TO 'bob' IDENTIFIED BY PASSWORD '*{(h := some(40, _HEX))}'", h),
        one("changed to", "Admin password changed successfully to VALUE"),
        one("after a dash", "password \u2014 VALUE"),
        one("element with a name", '<param name="password">VALUE</param>'),
        one("cloudformation", '{"ParameterKey": "DBPassword", "ParameterValue": "VALUE"}'),
        one("line of a configuration", "[OUTPUT]\n    Name splunk\n    Splunk_Token VALUE\n    bearer_token TAIL\n"),
        one("header of jfrog", "X-JFrog-Art-Api: VALUE"),
        one("headers for honeycomb", "OTEL_EXPORTER_OTLP_HEADERS=api-key=VALUE,x-honeycomb-team=TAIL"),
        one("pre-shared key", 'psk="VALUE"'),
        one("drive of windows", "net use Z: //files.example.org/share VALUE /user:CORP/ann"),
        one("secrets of ipsec", '192.0.2.1 %any : PSK "VALUE"'),
        one("long form of a key", "? password\n: VALUE"),
        one("header in brackets", "[cookie session=VALUE]"),
        one("table by commas", "user,password,host\nann,VALUE,db\nbob,TAIL,db\n"),
        one("accounts of cloud-init", "chpasswd:\n  list: |\n    root:VALUE\n    ann:TAIL\n"),
        one("refused by pydantic", "password\n  String should be short [type=string_too_long, input_value='VALUE', input_type=str]"),
        one("in wide letters", "\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44=VALUE"),
        one("a key in polish", "has\u0142o: VALUE"),
        one("a key in korean", "\ube44\ubc00\ubc88\ud638: VALUE"),
        one("a key in two characters", "contrasen\u0303a: VALUE"),
        one("address of a push monitor", "https://uptime.example.org/api/push/VALUE?status=up"),
        one("md5 of postgresql", f'"bob" "md5{(m := some(32, _HEX))}"', m),
        one("data of a grafana source", '{"secureJsonData": {"basicAuthPassword": "VALUE", "httpHeaderValue1": "TAIL"}}'),
        one("airflow users", "airflow users create -u admin -p VALUE -r Admin"),
        one("wandb", "wandb login VALUE"),
        one("key behind a flag", f"kubeadm init --certificate-key {(c := some(64, _HEX))}", c),
        one("bind password", "bindpw: VALUE\nbinddn: x"),
        one("bind password without a colon", "BINDPW VALUE"),
        one("sssd", "ldap_default_authtok = VALUE"),
        one("snmp with two", "snmpwalk -v3 -u bob -A VALUE -X TAIL host"),
        one("ipmi", "ipmitool -U root -P VALUE chassis status"),
        one("crypt", "UPDATE users SET hash = crypt('VALUE', gen_salt('bf'))"),
        one("imap", 'a1 LOGIN "bob" "VALUE"'),
        one("pragma", "PRAGMA key = 'VALUE'"),
        one("chpasswd", 'echo "bob:VALUE" | chpasswd'),
        one("sentinel", "sentinel auth-pass mymaster VALUE"),
        one("described", "Data\n====\npassword:\n----\nVALUE\n\n"),
        one("bold", "**Password:** VALUE"),
        one("cells of html", "<tr><td>Password</td><td>VALUE</td></tr>"),
        one("was reset to", "the password was reset to VALUE"),
        one("once more without a key", "password=VALUE for bob; VALUE is too short"),
        one("alertmanager", "slack_configs:\n- api_url: https://hooks.example.org/services/T000/VALUE"),
        one("webhook", "webhook_url: https://alerts.example.org/in/VALUE"),
    ]


def _makers() -> list[Shape]:
    """Tokens with their makers' prefixes, of the kinds that public rule sets name."""
    kinds = {
        "github": "ghp_36 gho_36 ghu_36 ghs_36 ghr_36 github_pat_60",
        "gitlab": "glpat-20 glptt-40 gldt-20 glrt-20 glft-20 glsoat-20 glimt-25 glagent-50 glcbt-20",
        "slack": "xoxb-40 xoxp-40 xoxa-40 xoxe-40 xapp-40",
        "vault": "hvs.30 hvb.60 hvr.40",
        "stripe": "sk_live_24 rk_live_24 sk_test_24 whsec_32",
        "google": "AIza35 ya29.60 GOCSPX-28",
        "models": "sk-ant-60 sk-proj-48 sk-48 hf_34 gsk_52 r8_37 pplx-48 xai-80 nvapi-60 lsv2_pt_40",
        "registries": "npm_36 pypi-AgEI50 dckr_pat_27 rubygems_48 oy2a43 cmVmdGtu60 AKCp60",
        "clouds": "dop_v1_64 doo_v1_64 dor_v1_64 LTAI20 pul-40 HRKU-36 tskey-30 sbp_40 fo1_43 dapi32",
        "databases": "pscale_tkn_43 pscale_pw_43 pscale_oauth_43 dp.pt.43",
        "grafana": "glsa_32 glc_40",
        "mail": "SG.60 xkeysib-64 key-32",
        "work": "lin_api_40 ntn_46 figd_40 CFPAT-43 ATATT3x60 PMAK-24 shpat_32 shpca_32 shppa_32 shpss_32 sq0atp-22 sq0csp-43",
        "watching": "NRAK-27 NRJS-19 dt0c01.24 sntrys_60 sntryu_60 phc_43 phx_43",
        "other": "ops_eyJ60 rdme_70 sgp_40 tfp_44 duffel_live_43 FLWSECK-30 EZAK54 shippo_live_40 tk-us-48 sm_aat_16 squ_a40 bkua_40 CCIPAT_40",
    }
    made = []
    for maker, written in kinds.items():
        for one in written.split():
            prefix = one.rstrip("0123456789")
            value = some(int(one[len(prefix) :]))
            made.append(Shape(f"{maker} {prefix}", f"request with {prefix}{value} refused", (prefix + value,)))
    upper = string.ascii_uppercase + "234567"
    made += [Shape(f"aws {one}", f"signed by {one}{(v := some(16, upper))}.", (v,)) for one in ("AKIA", "ASIA", "AROA", "ABIA")]
    jwt = f"{b64(json.dumps({'alg': 'RS256'})).rstrip('=')}.{b64(json.dumps({'sub': some(9)})).rstrip('=')}.{some(43)}"
    made += [Shape("jwt", f"got {jwt} from it", (jwt,)), Shape("cut jwt", f"got {jwt[:40]}", (jwt[:40],))]
    made += [Shape("telegram", f"bot {(v := some(9, '123456789') + ':AA' + some(33))}", (v[10:],))]
    made += [Shape("twilio", f"sid SK{(v := some(32, _HEX))}", (v,)), Shape("mailchimp", f"key {(v := some(32, _HEX))}-us12", (v,))]
    made += [Shape("discord", f"M{(v := some(23))}.{some(6)}.{(w := some(27))}", (v, w))]
    return made


def _addresses() -> list[Shape]:
    """Addresses that are credentials: whoever knows them may post."""
    uuid = "-".join(some(n, _HEX) for n in (8, 4, 4, 4, 12))
    forms = [
        "https://hooks.slack.com/services/T000/B000/VALUE",
        "https://hooks.slack-gov.com/workflows/T0/VALUE",
        "https://discord.com/api/webhooks/1/VALUE",
        "https://discordapp.com/api/webhooks/2/VALUE",
        "https://example.webhook.office.com/webhookb2/VALUE@x/IncomingWebhook/TAIL",
        "https://outlook.office.com/webhook/VALUE",
        "https://prod-01.westus.logic.azure.com:443/workflows/VALUE/triggers/manual/paths/invoke?sig=TAIL",
        "https://chat.googleapis.com/v1/spaces/AAA/messages?key=VALUE&token=TAIL",
        "https://api.telegram.org/bot123456789:VALUEVALUE/sendMessage",
        "https://events.pagerduty.com/integration/VALUE/enqueue",
        "https://mattermost.example.org/hooks/VALUE",
        "https://hc-ping.com/UUID",
        "https://hc-ping.com/VALUE/my-job",
        "https://healthchecks.io/ping/UUID",
        "https://hooks.zapier.com/hooks/catch/1/VALUE",
        "https://maker.ifttt.com/trigger/x/with/key/VALUE",
        "https://alert.victorops.com/integrations/generic/2013/alert/VALUE/team",
        "https://oapi.dingtalk.com/robot/send?access_token=VALUE",
        "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=UUID",
        "https://open.feishu.cn/open-apis/bot/v2/hook/UUID",
        "https://webhook.site/UUID",
        "https://api.opsgenie.com/v1/json/prometheus?apiKey=UUID",
        "https://webexapis.com/v1/webhooks/incoming/VALUEVALUE",
        "https://nosnch.in/VALUE",
        "https://uptime.betterstack.com/api/v1/heartbeat/VALUE",
        "https://rocket.example.org/hooks/VALUE/TAIL",
        "https://oncall.grafana.net/integrations/v1/alertmanager/VALUE/",
        "https://bucket.s3.amazonaws.com/x?X-Amz-Credential=VALUE&X-Amz-Signature=TAIL",
        "https://storage.googleapis.com/b/x?X-Goog-Signature=VALUE",
        "https://hook.eu1.make.com/VALUEVALUE",
        "https://alerts.example.org/webhook/VALUE",
        "https://ntfy.sh/VALUE",
    ]
    made = []
    for form in forms:
        value, tail = some(20), some(20)
        text = form.replace("UUID", uuid).replace("VALUE", value).replace("TAIL", tail)
        planted = tuple(one for one, word in ((value, "VALUE"), (tail, "TAIL"), (uuid, "UUID")) if word in form)
        made.append(Shape(f"address {form.split('/')[2]}", f'Post "{text}": dial tcp: i/o timeout', planted))
    return made


def _newer() -> list[Shape]:
    """Tokens of makers that came later, and those that have more than a prefix."""
    lower, upper = string.ascii_lowercase + string.digits, string.ascii_uppercase + string.digits
    uuid = "-".join(some(n, _HEX) for n in (8, 4, 4, 4, 12))
    number = some(16, "123456789")
    forms = {
        "cerebras": f"csk-{some(48, lower)}",
        "together": f"tgp_v1_{some(43)}",
        "pinecone": f"pcsk_{some(6)}_{some(63)}",
        "neon": f"napi_{some(64, lower)}",
        "elevenlabs": f"sk_{some(48, _HEX)}",
        "langfuse": f"sk-lf-{uuid}",
        "axiom": f"xaat-{uuid}",
        "launchdarkly": f"sdk-{uuid}",
        "supabase": f"sb_secret_{some(22)}_{some(8)}",
        "cloudflare origin": f"v1.0-{some(24, _HEX)}-{some(146, _HEX)}",
        "honeycomb": f"hcaik_01{some(56, lower)}",
        "new relic": f"{some(36, _HEX)}FFFFNRAL",
        "mailgun": f"{some(32, _HEX)}-{some(8, _HEX)}-{some(8, _HEX)}",
        "asana": f"2/{number}/{number[::-1]}:{some(32, _HEX)}",
        "infisical": f"st.{some(24, _HEX)}.{some(32, _HEX)}.{some(32, _HEX)}",
        "bitwarden": f"0.{uuid}.{some(30)}:{some(22)}==",
        "braintree": f"access_token$production${some(16, lower)}${some(32, _HEX)}",
        "firebase": f"AAAA{some(7)}:APA91b{some(134)}",
        "rootly": f"rootly_{some(64, _HEX)}",
        "databricks": f"dose{some(32, _HEX)}",
        "hugging face, letters alone": f"api_org_{''.join(_RANDOM.choice(string.ascii_letters) for _ in range(34))}",
        "rancher": f"kubeconfig-user-{some(5, lower)}:{some(54, lower)}",
        "k3s": f"K10{some(64, _HEX)}::server:{some(32, _HEX)}",
        "nats": f"SUA{some(55, string.ascii_uppercase + '234567')}",
        "openssh without its frame": f"b3BlbnNzaC1rZXktdjE{'A' * 40}BG5vbmUAAAAEbm9uZQAAAAA",
        "kubeadm": f"token {some(5, lower)}1.{some(15, lower)}7",
        "sts": f"IQoJb3JpZ2luX2Vj{some(200)}",
        "yandex": f"t1.9eu{some(120)}",
        "text in hexadecimal": ("user:" + chosen()).encode().hex(),
        "one of letters and digits": some(20, upper) + some(44),
    }
    return [Shape(f"token of {name}", f"got {token} back", (token,)) for name, token in forms.items()]


def _elsewhere() -> list[Shape]:
    """In files, commands and dumps of programs, where no `key=value` is; and with a key that is written in numbers."""

    def one(name: str, text: str, *more: str) -> Shape:
        value, tail = chosen(), chosen()
        planted = (*((value,) if "VALUE" in text else ()), *((tail,) if "TAIL" in text else ()), *more)
        return Shape(name, text.replace("VALUE", value).replace("TAIL", tail), planted)

    hexadecimal, word = some(64, _HEX), "password"
    lines = ["".join(_RANDOM.choice("abcdefgh") for _ in range(64)) for _ in range(3)]
    frame = "PRIVATE " + "KEY"
    return [
        one("tag of yaml", "password: !!str VALUE"),
        one("anchor of yaml", "password: &one VALUE\nother: *one"),
        one("tagged block of yaml", "password: !vault |\n  VALUE\n  TAIL\nuser: bob"),
        one("value in a thing of its own", '{"db_password": {"value": "VALUE", "type": "string"}}'),
        one("value in a thing of its own, in yaml", "db_password:\n  value: VALUE\n  type: string"),
        one("var_dump", '["password"]=>\n  string(11) "VALUE"'),
        one("serialised by php", 's:8:"password";s:11:"VALUE";s:4:"user";'),
        one("tuple of erlang", '[{password,"VALUE"},{user,"bob"}]'),
        one("binary of erlang", '{password,<<"VALUE">>}'),
        one("secret string of rust", 'SecretString("VALUE")'),
        one("columns in brackets", "Key (id, token)=(1, VALUE) already exists."),
        one("setx", "setx API_TOKEN VALUE"),
        one("fish", "set -x API_TOKEN VALUE"),
        one("csh", "setenv API_TOKEN VALUE"),
        one("dockerfile", "ENV API_TOKEN VALUE"),
        one("aws configure", "aws configure set aws_secret_access_key VALUE"),
        one("npm config", "npm config set //npm.example.org/:_authToken VALUE"),
        one("airflow variables", "airflow variables set api_secret VALUE"),
        one("literal under another name", "kubectl create secret generic x --from-literal=value=VALUE"),
        one("patch of a secret", 'kubectl patch secret x -p \'{"data":{"a":"VALUE"}}\''),
        one("vault kv", "vault kv put secret/db value=VALUE"),
        one("literals of kustomize", "secretGenerator:\n- name: x\n  literals:\n  - a=VALUE\n  - b=TAIL"),
        one("piped to kubeseal", "echo -n VALUE | kubeseal --raw --name x"),
        one("piped to gh", "echo VALUE | gh auth login --with-token"),
        one("piped to kinit", "echo VALUE | kinit bob"),
        one("piped to sudo", "echo VALUE | sudo -S ls"),
        one("unzip", "unzip -P VALUE a.zip"),
        one("smbclient", "smbclient //files/share -U bob%VALUE"),
        one("httpie", "http -A bearer -a VALUE https://x"),
        one("openssl with a key", f"openssl enc -aes-128-cbc -K {hexadecimal[:32]} -iv 00", hexadecimal[:32]),
        one("mask of a workflow", "::add-mask::VALUE"),
        one("oracle, quoted", 'jdbc:oracle:thin:app/"VALUE"@db:1521/x'),
        one("parameters of influx", "http://influx:8086/query?u=admin&p=VALUE&q=x"),
        one("provider of cassandra", "PlainTextAuthProvider('app', 'VALUE')"),
        one("znode", "digest:app:VALUE:cdrwa"),
        one("acl of redis, hashed", f"user app on #{hexadecimal} ~* +@all", hexadecimal),
        one("hash of mysql", f"AS '*{hexadecimal[:40].upper()}'", hexadecimal[:40].upper()),
        one("decrypted in sql", "pgp_sym_decrypt(x, 'VALUE')"),
        one("yarn", 'npmAuthIdent: "VALUE"'),
        one("pgpass with another port", "db.example.org:15432:x:app:VALUE"),
        one("jar of cookies", "example.org\tTRUE\t/\tTRUE\t0\tsessionid\tVALUE"),
        one("value before its name", '<property value="VALUE" name="db.password"/>'),
        one("new value", "Password for the [elastic] user successfully reset.\nNew value: VALUE"),
        one("lone lines", f"the key material:\n{hexadecimal}\n{hexadecimal[::-1]}\n", hexadecimal, hexadecimal[::-1]),
        one("hexadecimal behind its key", f"export DD_API_KEY {hexadecimal[:32]}", hexadecimal[:32]),
        one("key in numbers", f'{{"{"".join(f"{chr(92)}u{ord(one):04x}" for one in word)}":"VALUE"}}'),
        one("key in percents", f"{''.join(f'%{ord(one):02x}' for one in word)}=VALUE"),
        one("key in numbers of html", f"{''.join(f'&#{ord(one)};' for one in word)}=VALUE"),
        one("key in numbers of html, hexadecimal", f"{''.join(f'&#x{ord(one):x};' for one in word)}=VALUE"),
        one("accent in the key", "pa\u0301ssword: VALUE"),
        one("filler in the key", "pass\u3164word=VALUE"),
        one("tag in the key", "pass\U000e0041word=VALUE"),
        one("selector in the key", "pass\ufe0fword=VALUE"),
        one("order to the terminal in the key", "pass\x1b[?25lword=VALUE"),
        one("thin blanks", "password\u2009=\u2009VALUE"),
        one("between zeros", "PATH=/bin\\u0000DB_PASSWORD=VALUE\\u0000HOME=/"),
        one("end of a key", "\n".join([*lines, f"-----END RSA {frame}-----"]), *lines),
        one(
            "key of openvpn",
            f"-----BEGIN OpenVPN Static {'key V1'}-----\n{hexadecimal}\n-----END OpenVPN Static {'key V1'}-----",
            hexadecimal,
        ),
        one("key of ssh2", f"---- BEGIN SSH2 ENCRYPTED {frame} ----\n{lines[0]}\n---- END SSH2 ENCRYPTED {frame} ----", lines[0]),
    ]


SHAPES: list[Shape] = [*_keyed(), *_writings(), *_makers(), *_addresses(), *_newer(), *_elsewhere()]
