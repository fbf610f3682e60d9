//! Create, start, exec, remove: each job its own container, made when it comes through the engine's API, with the engine's
//! default settings but for the network. What a service does that knows of no pool.

use std::{path::Path, time::Instant};

use bollard::{
    Docker,
    exec::{CreateExecOptions, StartExecResults},
    models::{ContainerCreateBody, HostConfig},
    query_parameters::RemoveContainerOptionsBuilder,
};
use futures_util::StreamExt;
use tokio::runtime::Runtime;

pub struct Naive {
    docker: Docker,
    runtime: Runtime,
}

impl Naive {
    pub fn connect() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        Self { docker: Docker::connect_with_unix_defaults().unwrap(), runtime }
    }

    /// Milliseconds, of one job. `files` is a directory with what the program needs, mounted to be read.
    pub fn time(&self, image: &str, files: &Path, command: &[&str]) -> f64 {
        let since = Instant::now();
        self.runtime.block_on(job(&self.docker, image, files, command)).expect("the engine makes plain containers");
        since.elapsed().as_secs_f64() * 1e3
    }
}

async fn job(docker: &Docker, image: &str, files: &Path, command: &[&str]) -> Result<(), bollard::errors::Error> {
    let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
    let body = ContainerCreateBody {
        image: Some(format!("caisson/{image}:latest")),
        cmd: words(&["/usr/bin/sleep", "600"]),
        host_config: Some(HostConfig {
            network_mode: Some("none".to_owned()),
            binds: Some(vec![format!("{}:/box:ro", files.display())]),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let container = docker.create_container(None, body).await?.id;
    docker.start_container(&container, None).await?;
    let options = CreateExecOptions {
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        cmd: words(command),
        ..CreateExecOptions::default()
    };
    let exec = docker.create_exec(&container, options).await?.id;
    if let StartExecResults::Attached { mut output, .. } = docker.start_exec(&exec, None).await? {
        while output.next().await.transpose()?.is_some() {}
    }
    let status = docker.inspect_exec(&exec).await?.exit_code;
    assert_eq!(status, Some(0), "{image}: {command:?}");
    let force = RemoveContainerOptionsBuilder::new().force(true).build();
    docker.remove_container(&container, Some(force)).await
}
