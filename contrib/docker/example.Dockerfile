# A service in a container that announces itself: svcregister is the entry point, runs the command,
# announces it once it listens, and drains and deregisters it before it is stopped.  Build mayfly
# first, see Dockerfile.  etcd is for compose.yaml.
FROM mayfly
RUN apt-get update -q && apt-get install -q -y --no-install-recommends busybox etcd-server \
	&& rm -rf /var/lib/apt/lists/* && mkdir /srv/www && echo hello >/srv/www/index.html
ENTRYPOINT ["svcregister", "register", "frontend", "0.0.1", "eth0:8080", "--"]
CMD ["busybox", "httpd", "-f", "-p", "8080", "-h", "/srv/www"]
