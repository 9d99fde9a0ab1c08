//! A private PostgreSQL server, made from the system's binaries and shared by all tests of one run.
//!
//! The first test that asks makes it; a keeper process ends it and removes its folder when the run is
//! over, however that ends. It listens on loopback alone, wants a password, and is never another run's.
//! Only the module above calls it.

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

/// Makes and starts the server as its own child, waits until the watched process is gone, then stops
/// the server and removes the folder. A server that ends by itself leaves its log. `kill -0` is refused
/// where the watched process is another user's, hence `/proc`. The server is told to stop until it is
/// gone: while it starts it is deaf.
const KEEPER: &str = r#"
watched=$1 folder=$2 initdb=$3; shift 3
told=
trap : HUP INT
trap 'told=yes' TERM
rm -rf "$folder/data"
"$initdb" -D "$folder/data" --username=latchkey --pwfile="$folder/password" --auth=password \
    --encoding=UTF8 --locale=C --no-sync >"$folder/log" 2>&1 || exit 1
"$@" -D "$folder/data" >>"$folder/log" 2>&1 &
server=$!
while [ -z "$told" ] && { kill -0 "$watched" 2>/dev/null || [ -d "/proc/$watched" ]; }; do
    kill -0 "$server" 2>/dev/null || exit 1
    sleep 0.3
done
while kill -INT "$server" 2>/dev/null; do sleep 0.2; done
rm -rf "$folder"
"#;

/// The server's URL, with the right to make databases. It blocks while the server comes up.
pub fn url() -> Result<String, String> {
    // nextest runs a process a test, and is the parent of them all; else this process is the run.
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
    // Before anything is made: where there is no PostgreSQL, nothing may be left behind.
    let binaries = find_binaries().ok_or(MISSING)?;
    let at = |error: std::io::Error| format!("{}: {error}", folder.display());
    match fs::DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != AlreadyExists => return Err(at(error)),
        _ => owner.give(&folder)?,
    }
    let lock = File::create(folder.join("lock")).map_err(at)?;
    lock.lock().map_err(at)?;
    if let Some(url) = owner.running(&folder) {
        return Ok(url);
    }
    let password = super::random_hex()?;
    fs::write(folder.join("password"), &password).map_err(at)?;
    owner.give(&folder.join("password"))?;
    let port = owner.start(&binaries, &folder, watched)?;
    let url = format!("postgres://latchkey:{password}@127.0.0.1:{port}/postgres?sslmode=disable");
    fs::write(folder.join("url"), &url).map_err(at)?;
    Ok(url)
}

/// Who runs the server: PostgreSQL refuses to be run by root, who lends it to somebody else.
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
        let me = id(&["-u"]).ok_or("`id -u` does not say who runs the tests")?;
        if me != 0 {
            return Ok(Self { me, other: None });
        }
        let other = ["postgres", "nobody"]
            .iter()
            .find_map(|user| Some((id(&["-u", user])?, id(&["-g", user])?)))
            .ok_or("PostgreSQL refuses to be run by root, and there is no user `postgres`")?;
        Ok(Self {
            me,
            other: Some(other),
        })
    }

    /// Root's own temporary folder may be closed to others.
    fn temporary(&self) -> PathBuf {
        match self.other {
            Some(_) => PathBuf::from("/tmp"),
            None => std::env::temp_dir(),
        }
    }

    /// Refuses what somebody else has put there: the name can be guessed.
    fn give(&self, path: &Path) -> Result<(), String> {
        let found = fs::symlink_metadata(path).map_err(|e| format!("{}: {e}", path.display()))?;
        if !self.owns(found.uid()) {
            return Err(format!(
                "{} belongs to somebody else: remove it",
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
        // Somebody else may take the port between finding it free and using it.
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
            "PostgreSQL does not start: {last} (all in {}/log)",
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
        // Dropping a database waits for each connection that is being opened, and somebody may have been killed over that.
        keeper.args(["-c", "authentication_timeout=5s"]);
        keeper
            .args(["-c", "full_page_writes=off"])
            .current_dir(folder);
        // The caller's PG… variables and language would change what the server does and says.
        keeper.env_clear().env("LC_ALL", "C");
        keeper.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        keeper
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // Out of the test's group, which is signalled as a whole at Ctrl-C and at a time-out.
        keeper.process_group(0);
        if let Some((uid, gid)) = self.other {
            keeper.uid(uid).gid(gid);
        }
        keeper
    }
}

/// False where the server ended instead.
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
        "PostgreSQL did not come up within a minute: see {}/log",
        folder.display()
    ))
}

/// Asks as `pg_ctl` does: the eighth line of the server's own file.
fn is_ready(folder: &Path) -> bool {
    fs::read_to_string(folder.join("data/postmaster.pid")).is_ok_and(|text| {
        text.lines()
            .nth(7)
            .is_some_and(|status| status.trim() == "ready")
    })
}

/// The folder with `initdb` and `postgres`: of `pg_config`, else Debian's newest, else of the `PATH`.
fn find_binaries() -> Option<PathBuf> {
    let told = output_of("pg_config", &["--bindir"]).and_then(|o| String::from_utf8(o).ok());
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
    told.map(|folder| PathBuf::from(folder.trim()))
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
