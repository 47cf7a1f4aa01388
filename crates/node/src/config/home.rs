//! The home directory: who has it, and files that only its owner may read.

use super::OpenError;
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A home directory that is ours while this lives.
#[derive(Debug)]
pub(super) struct Home {
    path: PathBuf,
    /// Its lock ends with the process, however that ends.
    lock: File,
}

/// What the lock file says: who runs here, or ran here last.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Tenant {
    pub(super) pid: u32,
    pub(super) wire: SocketAddr,
    pub(super) agent_door: SocketAddr,
    /// Where the operator's door was on TCP, if anywhere.
    #[serde(default)]
    pub(super) operator_door: Option<SocketAddr>,
    /// The host, if it was chosen.
    #[serde(default)]
    pub(super) host: Option<String>,
    /// The public URL, if there was one.
    #[serde(default)]
    pub(super) public_url: Option<String>,
}

/// `agents/NAME.json`: what an agent on this machine needs to open its door.
#[derive(Debug, Serialize, Deserialize)]
struct TokenFile {
    url: String,
    token: String,
}

impl Home {
    /// Makes the directory if needed, and locks it.
    pub(super) fn claim(path: &Path) -> Result<Self, OpenError> {
        let unusable = |path: &Path| {
            let path = path.to_owned();
            move |source| OpenError::Home { path, source }
        };
        let agents = path.join("agents");
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&agents)
            .map_err(unusable(path))?;
        let path = path.canonicalize().map_err(unusable(path))?;
        let file = path.join("lock");
        let mut options = OpenOptions::new();
        let lock = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600);
        let lock = lock.open(&file).map_err(unusable(&file))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, lock }),
            Err(TryLockError::WouldBlock) => {
                let pid = read_tenant(&lock).map(|tenant| tenant.pid);
                Err(OpenError::HomeInUse { path, pid })
            }
            Err(TryLockError::Error(source)) => Err(unusable(&file)(source)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The addresses of the last start here.
    pub(super) fn last_tenant(&self) -> Option<Tenant> {
        read_tenant(&self.lock)
    }

    /// Writes who runs here now, for error messages and for the next start.
    pub(super) fn note_tenant(&self, tenant: Tenant) -> Result<(), OpenError> {
        let text = serde_json::to_string(&tenant).unwrap_or_default();
        // Overwritten in place: the lock is on this file, not on its name. Cut only afterwards: a
        // crash in between leaves the new text and an end of the old, and both are readable.
        let line = format!("{text}\n");
        let write = |mut file: &File| {
            io::Seek::rewind(&mut file)?;
            file.write_all(line.as_bytes())?;
            file.set_len(u64::try_from(line.len()).unwrap_or(u64::MAX))
        };
        write(&self.lock).map_err(|source| OpenError::Home {
            path: self.path.join("lock"),
            source,
        })
    }

    /// Whether an agent was ever created here: then DIDs name this node's host.
    pub(super) fn has_agents(&self) -> bool {
        !self.token_files().is_empty()
    }

    /// Corrects the door's address in all token files.
    pub(super) fn move_agents(&self, url: &str) -> Result<(), OpenError> {
        for path in self.token_files() {
            let read = fs::read(&path).map_err(|source| OpenError::Home {
                path: path.clone(),
                source,
            });
            let Ok(mut file) = serde_json::from_slice::<TokenFile>(&read?) else {
                continue;
            };
            if file.url == url {
                continue;
            }
            url.clone_into(&mut file.url);
            let text = serde_json::to_string(&file).unwrap_or_default();
            write_private(&path, format!("{text}\n").as_bytes())
                .map_err(|source| OpenError::Home { path, source })?;
        }
        Ok(())
    }

    fn token_files(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.path.join("agents")) else {
            return Vec::new();
        };
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        paths
            .filter(|path| path.extension().is_some_and(|end| end == "json"))
            .collect()
    }
}

fn read_tenant(mut lock: &File) -> Option<Tenant> {
    let mut text = String::new();
    io::Seek::rewind(&mut lock).ok()?;
    lock.take(4096).read_to_string(&mut text).ok()?;
    serde_json::from_str(text.lines().next()?).ok()
}

/// Writes a file that only its owner may read (0600): whole and durable, or not at all.
///
/// # Errors
/// What the system said; the file is then as it was.
pub fn write_private(path: &Path, octets: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let draft = PathBuf::from(name);
    // Whatever a crash left there has wrong content, and maybe a wrong mode.
    if let Err(error) = fs::remove_file(&draft)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(octets)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}
