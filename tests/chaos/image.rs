//! Images of a test's own, and languages made of them.

use std::{
    fs,
    path::Path,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use crate::{engine::DockerHost, server::root};

/// Its name goes when it is dropped, and with the last name the image.
pub struct Image {
    pub name: String,
}

fn unique() -> Image {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    Image { name: format!("caisson-chaos:{}-{number}", std::process::id()) }
}

impl Image {
    /// Another name for an image that is there.
    pub fn like(of: &str) -> Self {
        let image = unique();
        image.becomes(of);
        image
    }

    /// Not there.
    pub fn missing() -> Self {
        unique()
    }

    /// From a directory with a Dockerfile.
    pub fn built(context: &Path) -> Self {
        let image = unique();
        // The classic builder asks no registry for a base that is here.
        let output = Command::new("docker")
            .env("DOCKER_BUILDKIT", "0")
            .args(["build", "--quiet", "--tag", &image.name])
            .arg(context)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        image
    }

    /// From now on the name means this image.
    pub fn becomes(&self, other: &str) {
        DockerHost::usual().docker(&["tag", other, &self.name]);
    }

    /// From now on the name means nothing.
    pub fn vanishes(&self) {
        DockerHost::usual().docker(&["rmi", &self.name]);
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = DockerHost::usual().try_docker(&["rmi", "--force", &self.name]);
    }
}

/// Each like a shipped one, with an image of its own, beside bash as it is.
pub struct Languages(tempfile::TempDir);

impl Languages {
    pub fn of(shipped: &str, images: &[(&str, &Image)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let of = root().join("config/languages");
        let text = fs::read_to_string(of.join(shipped).with_extension("toml")).unwrap();
        // Its last table. What is armed counts as a process too, and languages of a test's own are not known to be.
        let text = text.split("\n[arm]").next().unwrap();
        for (name, image) in images {
            // No two languages may have one alias.
            let lines = text.lines().filter(|line| !line.starts_with("aliases"));
            let lines = lines.map(|line| match line.starts_with("image = ") {
                true => format!("image = \"{}\"\n", image.name),
                false => format!("{line}\n"),
            });
            fs::write(directory.path().join(name).with_extension("toml"), lines.collect::<String>()).unwrap();
        }
        fs::copy(of.join("bash.toml"), directory.path().join("bash.toml")).unwrap();
        Self(directory)
    }

    /// As the service is to be told.
    pub fn flag(&self) -> String {
        format!("languages.directory={}", self.0.path().display())
    }
}
