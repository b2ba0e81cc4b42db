// pm2 start ecosystem.config.cjs; pm2 reload service
module.exports = {
  apps: [
    {
      name: "service",
      script: "service.mjs",
      exec_mode: "cluster",
      instances: 2,
      env: { NODE_ENV: "production", PORT: 8080 },
      // The service sends "ready" when it listens; until then a reload keeps the old instance.
      wait_ready: true,
      listen_timeout: 20_000,
      // Longer than `default_timeout`; pm2 sends SIGINT and by default kills after 1.6 s.
      kill_timeout: 35_000,
      // Restarts a crash loop at growing intervals.
      exp_backoff_restart_delay: 200,
    },
  ],
};
