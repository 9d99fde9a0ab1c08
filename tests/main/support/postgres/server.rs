//! A private PostgreSQL server, started from the system's binaries and shared by all tests of one run.
//!
//! The first test that needs it starts it. A keeper process stops it and removes its folder when the run ends, in whatever way.
//! It listens on loopback only, requires a password, and is not shared between runs. Only the module above calls it.

use std::fs::{self, File};
use std::io::ErrorKind::AlreadyExists;
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::os::unix::process::{CommandExt, parent_id};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const MISSING: &str = "these tests need PostgreSQL: install it (Debian: apt-get install postgresql), \
    or name a server in LATCHKEY_TEST_POSTGRES_URL, or skip them: LATCHKEY_TEST_SKIP_POSTGRES=1";

/// Creates the data folder and starts the server as its own child, waits until the watched process is gone, then stops the server
/// and removes the folder. If the server ends by itself, its log remains. `/proc` is checked because `kill -0` is refused if the
/// watched process belongs to another user. SIGINT is repeated until the server is gone, because it is ignored during startup.
const KEEPER: &str = r#"
watched=$1 folder=$2 initdb=$3; shift 3
terminated=
trap : HUP INT
trap 'terminated=yes' TERM
rm -rf "$folder/data"
"$initdb" -D "$folder/data" --username=latchkey --pwfile="$folder/password" --auth=password \
    --encoding=UTF8 --locale=C --no-sync >"$folder/log" 2>&1 || exit 1
"$@" -D "$folder/data" >>"$folder/log" 2>&1 &
server=$!
while [ -z "$terminated" ] && { kill -0 "$watched" 2>/dev/null || [ -d "/proc/$watched" ]; }; do
    kill -0 "$server" 2>/dev/null || exit 1
    sleep 0.3
done
while kill -INT "$server" 2>/dev/null; do sleep 0.2; done
rm -rf "$folder"
"#;

/// The server's URL, for a user that may create databases. Blocks until the server is ready.
pub fn url() -> Result<String, String> {
    // nextest runs each test in its own process and is the parent of all of them; otherwise this process is the run.
    let (key, watched) = match std::env::var("NEXTEST_RUN_ID") {
        Ok(run) => (run, parent_id()),
        Err(_) => (format!("pid-{}", std::process::id()), std::process::id()),
    };
    let owner = Owner::find()?;
    let folder = owner
        .temporary()
        .join(format!("latchkey-test-postgres-{key}"));
    if let Some(url) = owner.running(&folder) {
        return Ok(url);
    }
    // Checked before anything is created, so that nothing is left behind without PostgreSQL.
    let binaries = find_binaries().ok_or(MISSING)?;
    let at = |error: std::io::Error| format!("{}: {error}", folder.display());
    match fs::DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != AlreadyExists => return Err(at(error)),
        _ => owner.chown_to_server_user(&folder)?,
    }
    let lock = File::create(folder.join("lock")).map_err(at)?;
    lock.lock().map_err(at)?;
    if let Some(url) = owner.running(&folder) {
        return Ok(url);
    }
    let password = super::random_hex()?;
    fs::write(folder.join("password"), &password).map_err(at)?;
    owner.chown_to_server_user(&folder.join("password"))?;
    let port = owner.start(&binaries, &folder, watched)?;
    let url = format!("postgres://latchkey:{password}@127.0.0.1:{port}/postgres?sslmode=disable");
    fs::write(folder.join("url"), &url).map_err(at)?;
    Ok(url)
}

/// The user that runs the server. PostgreSQL refuses to run as root, so root's tests run it as another user.
struct Owner {
    me: u32,
    other: Option<(u32, u32)>,
}

impl Owner {
    fn find() -> Result<Self, String> {
        let id = |arguments: &[&str]| -> Option<u32> {
            String::from_utf8(output_of("id", arguments)?)
                .ok()?
                .trim()
                .parse()
                .ok()
        };
        let me = id(&["-u"]).ok_or("`id -u` does not print the user that runs the tests")?;
        if me != 0 {
            return Ok(Self { me, other: None });
        }
        let other = ["postgres", "nobody"]
            .iter()
            .find_map(|user| Some((id(&["-u", user])?, id(&["-g", user])?)))
            .ok_or(
                "PostgreSQL refuses to run as root, and there is no user `postgres` or `nobody`",
            )?;
        Ok(Self {
            me,
            other: Some(other),
        })
    }

    /// `/tmp` if another user runs the server: root's own temporary folder may be closed to others.
    fn temporary(&self) -> PathBuf {
        match self.other {
            Some(_) => PathBuf::from("/tmp"),
            None => std::env::temp_dir(),
        }
    }

    /// Gives a path to the user that runs the server. Refuses a path of a third user: the name can be guessed.
    fn chown_to_server_user(&self, path: &Path) -> Result<(), String> {
        let metadata =
            fs::symlink_metadata(path).map_err(|e| format!("{}: {e}", path.display()))?;
        if !self.owns(metadata.uid()) {
            return Err(format!(
                "{} belongs to another user: remove it",
                path.display()
            ));
        }
        let Some((uid, gid)) = self.other else {
            return Ok(());
        };
        chown(path, Some(uid), Some(gid)).map_err(|e| format!("{}: {e}", path.display()))
    }

    fn owns(&self, uid: u32) -> bool {
        uid == self.me || self.other.is_some_and(|(other, _)| uid == other)
    }

    fn running(&self, folder: &Path) -> Option<String> {
        let ours = self.owns(fs::symlink_metadata(folder).ok()?.uid());
        (ours && is_ready(folder))
            .then(|| fs::read_to_string(folder.join("url")).ok())
            .flatten()
    }

    fn start(&self, binaries: &Path, folder: &Path, watched: u32) -> Result<u16, String> {
        // Another process may take the port before the server binds it.
        for _ in 0..3 {
            let port = TcpListener::bind(("127.0.0.1", 0))
                .and_then(|listener| listener.local_addr())
                .map_err(|e| format!("no free port: {e}"))?
                .port();
            let mut keeper = self
                .keeper(binaries, folder, watched, port)
                .spawn()
                .map_err(|e| format!("/bin/sh: {e}"))?;
            if wait_until_ready(folder, &mut keeper)? {
                return Ok(port);
            }
        }
        let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
        let last = log
            .lines()
            .rfind(|line| !line.is_empty())
            .unwrap_or("no log");
        Err(format!(
            "PostgreSQL does not start: {last} (the whole log is {}/log)",
            folder.display()
        ))
    }

    fn keeper(&self, binaries: &Path, folder: &Path, watched: u32, port: u16) -> Command {
        let mut keeper = Command::new("/bin/sh");
        keeper
            .args(["-c", KEEPER, "keeper", &watched.to_string()])
            .arg(folder);
        keeper
            .arg(binaries.join("initdb"))
            .arg(binaries.join("postgres"));
        keeper.args(["-p", &port.to_string(), "-c", "max_connections=200"]);
        keeper.args([
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "unix_socket_directories=",
        ]);
        keeper.args(["-c", "fsync=off", "-c", "synchronous_commit=off"]);
        // Dropping a database waits for each connection that is being opened, and a killed client may have left one half open.
        keeper.args(["-c", "authentication_timeout=5s"]);
        keeper
            .args(["-c", "full_page_writes=off"])
            .current_dir(folder);
        // The caller's `PG…` variables and locale would change the server's behaviour and messages.
        keeper.env_clear().env("LC_ALL", "C");
        keeper.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        keeper
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // Its own process group, because Ctrl-C and a time-out signal the test's group as a whole.
        keeper.process_group(0);
        if let Some((uid, gid)) = self.other {
            keeper.uid(uid).gid(gid);
        }
        keeper
    }
}

/// False if the server ended instead.
#[expect(
    clippy::disallowed_methods,
    reason = "waits for a process that cannot call back"
)]
fn wait_until_ready(folder: &Path, keeper: &mut Child) -> Result<bool, String> {
    for _ in 0..1200 {
        if is_ready(folder) {
            return Ok(true);
        }
        if keeper.try_wait().map_err(|e| e.to_string())?.is_some() {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err(format!(
        "PostgreSQL did not start within a minute: see {}/log",
        folder.display()
    ))
}

/// Reads the eighth line of `postmaster.pid`, as `pg_ctl` does.
fn is_ready(folder: &Path) -> bool {
    fs::read_to_string(folder.join("data/postmaster.pid")).is_ok_and(|text| {
        text.lines()
            .nth(7)
            .is_some_and(|status| status.trim() == "ready")
    })
}

/// The folder with `initdb` and `postgres`: from `pg_config`, else Debian's newest version, else from the `PATH`.
pub fn find_binaries() -> Option<PathBuf> {
    let configured = output_of("pg_config", &["--bindir"]).and_then(|o| String::from_utf8(o).ok());
    let mut debian: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((
                entry.file_name().to_str()?.parse().ok()?,
                entry.path().join("bin"),
            ))
        })
        .collect();
    debian.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    let path = std::env::var_os("PATH").unwrap_or_default();
    configured
        .map(|folder| PathBuf::from(folder.trim()))
        .into_iter()
        .chain(debian.into_iter().map(|(_, folder)| folder))
        .chain(std::env::split_paths(&path))
        .find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
}

fn output_of(program: &str, arguments: &[&str]) -> Option<Vec<u8>> {
    let output = Command::new(program)
        .args(arguments)
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output.status.success().then_some(output.stdout)
}
