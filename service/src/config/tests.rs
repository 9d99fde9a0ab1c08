//! Tests of the settings: layers, ranges, error texts, and the committed example file.

use std::io::Write;

use super::*;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn load(file: &str, env: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let mut written = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    written.write_all(file.as_bytes()).unwrap();
    let env = env
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    let flags = flags
        .iter()
        .map(|(key, text)| ((*key).to_owned(), (*text).to_owned()))
        .collect();
    Config::load(Some(written.path()), env, &flags)
}

/// The error line, with the path of the temporary file replaced by `FILE`.
fn fault(file: &str, env: &[(&str, &str)], flags: &[(&str, &str)]) -> String {
    let line = load(file, env, flags).unwrap_err().to_string();
    assert!(!line.contains('\n'), "{line}");
    match (line.find("/"), line.find(".toml")) {
        (Some(from), Some(until)) if from < until && !file.is_empty() => {
            let (before, after) = (line.get(..from).unwrap(), line.get(until + 5..).unwrap());
            format!("{before}FILE{after}")
        }
        _ => line,
    }
}

#[test]
fn without_anything_the_defaults_hold() {
    let config = Config::load(None, std::iter::empty(), &BTreeMap::new()).unwrap();
    assert_eq!(
        config.database_url.expose_secret(),
        "sqlite://latchkey.db?mode=rwc"
    );
    assert!(config.is_sqlite() && config.encryption_key.is_none());
    assert_eq!(config.kisi_url.as_str(), "https://api.kisi.io/");
    assert_eq!(
        config.teamup_url.join("customers").unwrap().path(),
        "/api/v2/customers"
    );
    assert_eq!(config.horizon, Duration::from_secs(7 * 86_400));
    assert_eq!(config.webhook_max_bytes, 1 << 20);
    assert!(config.playground && config.cors_origins.is_empty());
    assert_eq!((config.kisi_rate, config.log_format), (5, LogFormat::Text));
}

#[test]
fn flags_go_over_the_environment_and_that_over_the_file() {
    let file = "kisi_rate = 1\nplayground = false\nhorizon = \"P1W\"\n\
                cors_origins = [\"https://a.example\", \"http://localhost:3000\"]\n";
    let env = [
        ("LATCHKEY_KISI_RATE", "2"),
        ("LATCHKEY_WEBHOOK_MAX_BYTES", "20000"),
        ("PATH", "/bin"),
    ];
    let config = load(file, &env, &[]).unwrap();
    assert_eq!(
        (
            config.kisi_rate,
            config.playground,
            config.webhook_max_bytes
        ),
        (2, false, 20_000)
    );
    assert_eq!(
        config.cors_origins,
        ["https://a.example", "http://localhost:3000"]
    );
    let config = load(file, &env, &[("kisi_rate", "3")]).unwrap();
    assert_eq!(config.kisi_rate, 3);
    // A value that a higher layer overrides is not validated.
    assert_eq!(load("kisi_rate = 0", &env, &[]).unwrap().kisi_rate, 2);
}

#[test]
fn an_invalid_setting_is_reported_in_one_line() {
    assert_eq!(
        fault("", &[("LATCHKEY_KISI_RATE", "0")], &[]),
        "LATCHKEY_KISI_RATE (environment) is \"0\"; expected a whole number from 1 to 1000"
    );
    assert_eq!(
        fault("kisi_rate = 5.5", &[], &[]),
        "kisi_rate (FILE) is \"5.5\"; expected a whole number from 1 to 1000"
    );
    assert_eq!(
        fault("[playground]\nport = 1", &[], &[]),
        "playground (FILE) is a table; expected true or false"
    );
    assert_eq!(
        fault("", &[], &[("log_format", "xml\n")]),
        "--log-format (flag) is \"xml\\n\"; expected text or json"
    );
    assert_eq!(
        fault("", &[("LATCHKEY_HORIZON", "")], &[]),
        "LATCHKEY_HORIZON (environment) is empty; \
         expected an ISO 8601 duration from PT1H to P366D"
    );
}

#[test]
fn an_unknown_setting_is_reported_with_the_most_similar_one() {
    assert_eq!(
        fault("", &[("LATCHKEY_KISI_RATES", "5")], &[]),
        "LATCHKEY_KISI_RATES (environment) is not a setting; did you mean LATCHKEY_KISI_RATE?"
    );
    assert_eq!(
        fault("kisi-url = \"x\"", &[], &[]),
        "kisi-url (FILE) is not a setting; did you mean kisi_url?"
    );
    assert_eq!(
        fault("", &[], &[("playgrund", "true")]),
        "--playgrund (flag) is not a setting; did you mean --playground?"
    );
    assert!(fault("", &[("LATCHKEY_kisi_rate", "5")], &[]).contains("mean LATCHKEY_KISI_RATE?"));
    let others = [
        ("LATCHKEY_TEST_POSTGRES", "x"),
        ("LATCHKEY_BIN", "/x"),
        ("LATCHKEYS", "x"),
    ];
    assert!(load("", &others, &[]).is_ok());
}

#[test]
fn no_secret_is_shown() {
    for name in [
        "LATCHKEY_ENCRYPTION_KEY",
        "LATCHKEY_ENCRYPTION_KEY_OLD",
        "LATCHKEY_DATABASE_URL",
    ] {
        for text in ["hunter2", "mysql://me:hunter2@db/x"] {
            let line = fault("", &[(name, text)], &[]);
            assert!(
                line.starts_with(name) && !line.contains("hunter2"),
                "{line}"
            );
        }
        assert!(fault("", &[(name, "")], &[]).contains("is empty"));
    }
    assert!(!fault("", &[("LATCHKEY_KISI_URL", "https://me:hunter2@x")], &[]).contains("hunter2"));
    for file in [
        "encryption_key = hunter2",
        "encryption_key = \"hunter2",
        "a = 1\nencryption_key = \"x\" hunter2",
    ] {
        let error = load(file, &[], &[]).unwrap_err();
        assert!(
            !format!("{error} {error:?}").contains("hunter2"),
            "{error:?}"
        );
        assert!(error.to_string().contains("line"), "{error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
    let config = load(
        &format!("encryption_key = \"{KEY}\"\ndatabase_url = \"postgres://me:hunter2@db/x\""),
        &[],
        &[],
    )
    .unwrap();
    let shown = format!("{config:?}");
    assert!(
        !shown.contains("hunter2") && !shown.contains("AAEC"),
        "{shown}"
    );
}

#[test]
fn postgresql_requires_an_encryption_key() {
    let line = fault("database_url = \"postgres://db/x\"", &[], &[]);
    assert!(line.starts_with("LATCHKEY_ENCRYPTION_KEY"), "{line}");
    let env = [
        ("LATCHKEY_DATABASE_URL", "postgres://db/x"),
        ("LATCHKEY_ENCRYPTION_KEY", KEY),
    ];
    assert!(!load("", &env, &[]).unwrap().is_sqlite());
    assert!(load("", &[("LATCHKEY_ENCRYPTION_KEY", "c2hvcnQ=")], &[]).is_err());
}

#[test]
fn each_setting_has_its_range() {
    let good = [
        ("kisi_rate", "1"),
        ("kisi_rate", "1000"),
        ("kisi_contact", "kisi+desk@club.example"),
        ("horizon", "PT1H"),
        ("horizon", "P366D"),
        ("sweep_interval", "PT1M"),
        ("sweep_interval", "P1W"),
        ("webhook_tolerance", "PT0S"),
        ("webhook_tolerance", "P1D"),
        ("webhook_max_bytes", "1024"),
        ("webhook_max_bytes", "67108864"),
        ("kisi_url", "http://127.0.0.1:9000"),
        ("kisi_url", "http://[::1]:9000/x"),
        ("kisi_url", "http://localhost:1"),
        ("listen", "[::]:0"),
        ("listen", "localhost:80"),
        ("cors_origins", ""),
        ("cors_origins", "https://a.example:443, http://b.example/"),
        ("log", "info,latchkey_service::kisi=debug"),
        ("log_format", "json"),
        ("database_url", "sqlite::memory:"),
    ];
    for (key, text) in good {
        assert!(load("", &[], &[(key, text)]).is_ok(), "{key} {text}");
    }
    let wrong = [
        ("kisi_rate", "1001"),
        ("kisi_contact", ""),
        ("kisi_contact", "https://club.example"),
        ("kisi_contact", "desk@club"),
        ("kisi_contact", "Desk <desk@club.example>"),
        ("kisi_contact", "desk@club.example\r\nx: y"),
        ("kisi_rate", "+5"),
        ("kisi_rate", "-1"),
        ("horizon", "PT59M"),
        ("horizon", "P367D"),
        ("horizon", "7d"),
        ("sweep_interval", "PT59S"),
        ("sweep_interval", "P8D"),
        ("webhook_tolerance", "P1DT1S"),
        ("webhook_max_bytes", "1023"),
        ("webhook_max_bytes", "67108865"),
        ("kisi_url", "http://api.kisi.io"),
        ("kisi_url", "http://127.0.0.1.example"),
        ("kisi_url", "ftp://localhost"),
        ("kisi_url", "https://x/?a=b"),
        ("kisi_url", "api.kisi.io"),
        ("listen", "8080"),
        ("listen", ":8080"),
        ("listen", "x:70000"),
        ("listen", "::1:80"),
        ("cors_origins", "*"),
        ("cors_origins", "https://a.example/x"),
        ("cors_origins", "a.example"),
        ("cors_origins", "https://a.example,"),
        ("playground", "yes"),
        ("log", "info,=,"),
        ("log_format", "JSON"),
        ("database_url", "sqlite:"),
        ("database_url", "mysql://x"),
    ];
    for (key, text) in wrong {
        assert!(load("", &[], &[(key, text)]).is_err(), "{key} {text}");
    }
}

#[test]
fn config_example_toml_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config.example.toml");
    if std::env::var_os("UPDATE_CONFIG_EXAMPLE").is_some() {
        std::fs::write(&path, example()).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        committed,
        example(),
        "run this test with UPDATE_CONFIG_EXAMPLE=1 to update the file"
    );
}

#[test]
fn the_example_holds_the_defaults() {
    let uncommented: String = example()
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .filter(|line| !line.starts_with(' ') && !line.contains('…'))
        .map(|line| format!("{line}\n"))
        .collect();
    let is_absent = |setting: &&Setting| matches!(setting.preset, Default::Absent(_));
    let absent = SETTINGS.iter().filter(is_absent).count();
    assert_eq!(uncommented.lines().count(), SETTINGS.len() - absent);
    let bare = Config::load(None, std::iter::empty(), &BTreeMap::new()).unwrap();
    assert_eq!(
        format!("{:?}", load(&uncommented, &[], &[]).unwrap()),
        format!("{bare:?}")
    );
}
