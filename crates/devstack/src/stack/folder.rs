//! `.dev`: the folder with everything that the stack creates.
//! The rule it keeps: removing the folder removes the stack.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crate::words::say;
use devstack::{Error, may_hold_postgres};

/// How servers and services are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// As plain processes.
    Native,
    /// In containers.
    Compose,
}

impl Way {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Native => "plain processes on this machine",
            Self::Compose => "Docker Compose",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Compose => "compose",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Native, Self::Compose].into_iter().find(|way| way.name() == text.trim())
    }
}

/// The folder, and the checkout that it belongs to.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    project: PathBuf,
}

impl Folder {
    /// `DEV_DIR`, else `.dev` in the checkout that contains the working directory.
    pub(crate) fn open() -> Result<Self, Error> {
        let here = std::env::current_dir().map_err(Error::file("read", Path::new(".")))?;
        let project = here
            .ancestors()
            .find(|folder| folder.join("docker-compose.yml").is_file() && folder.join("Cargo.toml").is_file())
            .ok_or_else(|| {
                Error::Refused(format!("{} is not inside the project; change to its folder first", here.display()))
            })?
            .to_owned();
        // An empty DEV_DIR is none: the folder would be the checkout, which `make reset` would remove.
        let named = std::env::var_os("DEV_DIR").filter(|path| !path.is_empty());
        let path = named.map_or_else(|| project.join(".dev"), PathBuf::from);
        Ok(Self { path: if path.is_absolute() { path } else { here.join(path) }, project })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder with the compose file.
    pub(crate) fn project(&self) -> &Path {
        &self.project
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Locks the folder against another `make up`, `down` or `reset` until the value is dropped.
    pub(crate) async fn lock(&self) -> Result<File, Error> {
        fs::create_dir_all(&self.path).map_err(Error::file("create", &self.path))?;
        self.hide_from_git()?;
        let path = self.join("lock");
        let file = File::create(&path).map_err(Error::file("create", &path))?;
        if file.try_lock().is_ok() {
            return Ok(file);
        }
        say!("another `make up`, `down` or `reset` is running here; waiting for it");
        devstack::lock(&path).await
    }

    /// Makes git pass over the folder, whatever its name: it has passwords. Whoever wrote such a file here keeps it.
    fn hide_from_git(&self) -> Result<(), Error> {
        let path = self.join(".gitignore");
        match File::create_new(&path).and_then(|mut file| file.write_all(b"*\n")) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(Error::file("write", &path)(error)),
            _ => Ok(()),
        }
    }

    /// How this stack was started last time; none if it never was.
    pub(crate) fn remembered_way(&self) -> Option<Way> {
        Way::parse(&fs::read_to_string(self.join("way")).ok()?)
    }

    /// How to run it: `STACK`, else as last time, else native when the environment names servers (containers might not reach
    /// them), else compose when a Docker engine answers. Remembers the answer.
    pub(crate) async fn way(&self) -> Result<Way, Error> {
        let forced = match std::env::var("STACK") {
            Ok(text) if !text.is_empty() => Some(
                Way::parse(&text)
                    .ok_or_else(|| Error::Refused(format!("STACK is {text:?}; it must be native or compose")))?,
            ),
            _ => None,
        };
        let before = self.remembered_way();
        if let (Some(forced), Some(before)) = (forced, before)
            && forced != before
        {
            return Err(Error::Refused(format!(
                "this stack runs as {}; run `make reset` (removes its data) before starting it with STACK={}",
                before.words(),
                forced.name()
            )));
        }
        let way = match forced.or(before) {
            Some(way) => way,
            None if environment_names_servers() => Way::Native,
            None if docker_answers().await => Way::Compose,
            None => Way::Native,
        };
        let file = self.join("way");
        fs::write(&file, way.name()).map_err(Error::file("write", &file))?;
        Ok(way)
    }

    /// The folder for PostgreSQL: here, or behind a link when its user cannot enter this folder (a checkout in /root).
    pub(crate) fn postgres(&self) -> Result<PathBuf, Error> {
        let here = self.join("postgres");
        if let Ok(elsewhere) = fs::read_link(&here) {
            fs::create_dir_all(&elsewhere).map_err(Error::file("create", &elsewhere))?;
            return Ok(elsewhere);
        }
        if may_hold_postgres(&self.path)? {
            return Ok(here);
        }
        let name: String = self
            .path
            .display()
            .to_string()
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
            .collect();
        let elsewhere = Path::new("/var/lib/cyber-store").join(name.trim_matches('-'));
        fs::create_dir_all(&elsewhere).map_err(Error::file("create", &elsewhere))?;
        std::os::unix::fs::symlink(&elsewhere, &here).map_err(Error::file("link", &here))?;
        say!(
            "  the user `postgres` cannot enter {}; PostgreSQL's data is in {}",
            self.path.display(),
            elsewhere.display()
        );
        Ok(elsewhere)
    }

    /// Removes the folder and what its link points to.
    pub(crate) fn remove(&self) -> Result<(), Error> {
        if let Ok(elsewhere) = fs::read_link(self.join("postgres")) {
            let _absent = fs::remove_dir_all(elsewhere);
        }
        fs::remove_dir_all(&self.path).map_err(Error::file("remove", &self.path))
    }
}

/// The variables that name servers to use instead of starting some.
pub(crate) const NAMED_SERVERS: [&str; 3] = ["DATABASE_URL", "REDIS_URL", "KAFKA_BROKERS"];

fn environment_names_servers() -> bool {
    NAMED_SERVERS.iter().any(|name| std::env::var(name).is_ok_and(|value| !value.is_empty()))
}

/// Whether a Docker engine with Compose answers within a few seconds.
pub(super) async fn docker_answers() -> bool {
    let succeeds = async |arguments: &[&str]| {
        let asked = tokio::process::Command::new("docker")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .status();
        matches!(tokio::time::timeout(Duration::from_secs(5), asked).await, Ok(Ok(status)) if status.success())
    };
    // The first needs the engine, the second only the plugin.
    succeeds(&["version"]).await && succeeds(&["compose", "version"]).await
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[tokio::test]
    async fn git_passes_over_the_folder_of_a_second_stack() {
        let project = devstack::temporary_folder("git").unwrap();
        let git = |arguments: &[&str]| {
            let output = Command::new("git").arg("-C").arg(&project).args(arguments).output().unwrap();
            assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        git(&["init", "--quiet"]);
        let folder = Folder { path: project.join("two"), project: project.clone() };
        fs::create_dir_all(folder.path()).unwrap();
        fs::write(folder.join("database-passwords"), "secret").unwrap();
        assert!(git(&["add", "--dry-run", "."]).contains("database-passwords"), "nothing hides it yet");
        drop(folder.lock().await.unwrap());
        assert_eq!(git(&["add", "--dry-run", "."]), "");
        // A second `make up`, and a file of somebody's own.
        fs::write(folder.join(".gitignore"), "*\n# mine\n").unwrap();
        drop(folder.lock().await.unwrap());
        assert_eq!(fs::read_to_string(folder.join(".gitignore")).unwrap(), "*\n# mine\n");
        fs::remove_dir_all(&project).unwrap();
    }
}
