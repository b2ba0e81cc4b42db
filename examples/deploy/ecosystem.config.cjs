// pm2 start ecosystem.config.cjs; pm2 reload service
module.exports = {
  apps: [
    {
      name: "service",
      script: "service.mjs",
      exec_mode: "cluster",
      instances: 2,
      env: { NODE_ENV: "production", PORT: 8080 },
      // The service says "ready" when it listens; until then a reload keeps the old one.
      wait_ready: true,
      listen_timeout: 20_000,
      // pm2 sends SIGINT and kills after 1.6 s, unless told otherwise: more than `default_timeout`.
      kill_timeout: 35_000,
      // A crash loop is restarted ever more slowly.
      exp_backoff_restart_delay: 200,
    },
  ],
};
