"""What programs send to an incoming webhook of Slack, by their documentation, and what a room shall show of it.

Written for these tests after the senders' documents and templates, with made-up hosts and names.
"""

from typing import Any

GITHUB_ACTION = {  # Actions that notify Slack, with the inputs `author_name`, `text`, `mention: here` and fields.
    "username": "GitHub",
    "icon_emoji": ":octocat:",
    "attachments": [
        {
            "color": "danger",
            "author_name": "octo/harbour",
            "author_link": "https://git.example.org/octo/harbour",
            "text": "<!here> Failed: <https://git.example.org/octo/harbour/runs/7|Test &amp; deploy>",
            "fields": [
                {
                    "title": "commit",
                    "value": "<https://git.example.org/octo/harbour/commit/1a2b3c|1a2b3c>",
                    "short": True,
                },
                {"title": "took", "value": "3 min", "short": True},
            ],
        }
    ],
}
GITHUB_ACTION_SHOWN = """\
[octo/harbour](https://git.example.org/octo/harbour)
@here Failed: [Test & deploy](https://git.example.org/octo/harbour/runs/7)
**commit**: [1a2b3c](https://git.example.org/octo/harbour/commit/1a2b3c)
**took**: 3 min"""

ALERTMANAGER = {  # slack_configs: title, title_link, pretext, text, fallback as the default templates fill them.
    "channel": "#alerts",
    "username": "Alertmanager",
    "attachments": [
        {
            "title": "[FIRING:1] InstanceDown (node page)",
            "title_link": "http://alerts.example.org:9093/#/alerts?receiver=team%2Dx",
            "pretext": "",
            "text": "*Summary:* db1 is down &gt; 5m\n*Value:* `up == 0`",
            "fallback": "[FIRING:1] InstanceDown (node page) | http://alerts.example.org:9093/#/alerts?receiver=team%2Dx",
            "callback_id": "",
            "footer": "",
            "color": "danger",
            "mrkdwn_in": ["fallback", "pretext", "text"],
            "actions": [{"type": "button", "text": "Runbook", "url": "https://wiki.example.org/InstanceDown"}],
        }
    ],
}
ALERTMANAGER_SHOWN = """\
**[[FIRING:1] InstanceDown (node page)](http://alerts.example.org:9093/#/alerts?receiver=team%2Dx)**
**Summary:** db1 is down > 5m
**Value:** `up == 0`
[Runbook](https://wiki.example.org/InstanceDown)"""

GRAFANA = {  # A Slack contact point: mentions in `text`, the alert in one attachment with a time.
    "username": "Grafana",
    "icon_url": "",
    "text": "<!channel>",
    "attachments": [
        {
            "color": "#D63232",
            "title": "[FIRING:1] High load (harbour)",
            "title_link": "https://grafana.example.org/alerting/list",
            "fallback": "[FIRING:1] High load (harbour)",
            "text": "**Firing**\n\nValue: A=22.3, C=1\nLabels:\n - alertname = High load\nSource: "
            "https://grafana.example.org/alerting/grafana/x1/view\n",
            "footer": "Grafana v11.1.0",
            "footer_icon": "https://grafana.example.org/icon.png",
            "ts": 1795000000,
        }
    ],
}
GRAFANA_SHOWN = """\
@channel

**[[FIRING:1] High load (harbour)](https://grafana.example.org/alerting/list)**
**Firing**

Value: A=22.3, C=1
Labels:
 - alertname = High load
Source: https://grafana.example.org/alerting/grafana/x1/view"""

UPTIME_KUMA = {  # With "rich messages": blocks in an attachment.
    "text": "[Website] [🔴 Down] timeout of 48000ms exceeded",
    "channel": "#status",
    "username": "Uptime Kuma",
    "icon_emoji": ":warning:",
    "attachments": [
        {
            "color": "#e01e5a",
            "blocks": [
                {"type": "header", "text": {"type": "plain_text", "text": "Uptime Kuma Alert"}},
                {
                    "type": "section",
                    "fields": [
                        {"type": "mrkdwn", "text": "*Message*\ntimeout of 48000ms exceeded"},
                        {"type": "mrkdwn", "text": "*Time (UTC)*\n2026-11-27 19:30:00"},
                    ],
                },
                {
                    "type": "actions",
                    "elements": [
                        {
                            "type": "button",
                            "text": {"type": "plain_text", "text": "Visit Uptime Kuma"},
                            "value": "Uptime-Kuma",
                            "url": "https://kuma.example.org/dashboard/1",
                        }
                    ],
                },
            ],
        }
    ],
}
UPTIME_KUMA_SHOWN = """\
[Website] [🔴 Down] timeout of 48000ms exceeded

**Uptime Kuma Alert**
**Message**
timeout of 48000ms exceeded
**Time (UTC)**
2026-11-27 19:30:00
[Visit Uptime Kuma](https://kuma.example.org/dashboard/1)"""

GITLAB = {  # Its notifications for pipelines.
    "username": "GitLab",
    "text": "",
    "attachments": [
        {
            "fallback": "Pipeline #12 has failed",
            "color": "danger",
            "author_name": "Ann Lee (ann)",
            "author_link": "https://gitlab.example.org/ann",
            "title": "Pipeline #12 has failed in 02:10",
            "title_link": "https://gitlab.example.org/octo/harbour/-/pipelines/12",
            "fields": [
                {
                    "title": "Branch",
                    "value": "<https://gitlab.example.org/octo/harbour/commits/main|main>",
                    "short": True,
                },
                {
                    "title": "Failed jobs",
                    "value": "<https://gitlab.example.org/j/1|lint>, <https://gitlab.example.org/j/2|test>",
                },
            ],
            "footer": "harbour",
            "ts": "1795000000",
        }
    ],
}
GITLAB_SHOWN = """\
[Ann Lee (ann)](https://gitlab.example.org/ann)
**[Pipeline #12 has failed in 02:10](https://gitlab.example.org/octo/harbour/-/pipelines/12)**
**Branch**: [main](https://gitlab.example.org/octo/harbour/commits/main)
**Failed jobs**: [lint](https://gitlab.example.org/j/1), [test](https://gitlab.example.org/j/2)"""

JENKINS = {  # Its plugin: one attachment, whose text has the job, the build and a link.
    "channel": "#builds",
    "attachments": [
        {
            "fallback": "harbour - #41 Failure after 3 min (<https://ci.example.org/job/harbour/41/|Open>)",
            "color": "danger",
            "mrkdwn_in": ["pretext", "text", "fields"],
            "text": "harbour - #41 Failure after 3 min (<https://ci.example.org/job/harbour/41/|Open>)",
        }
    ],
}
JENKINS_SHOWN = "harbour - #41 Failure after 3 min ([Open](https://ci.example.org/job/harbour/41/))"

CIRCLECI = {  # Its orb's templates are blocks.
    "text": "CircleCI job failed.",
    "blocks": [
        {"type": "header", "text": {"type": "plain_text", "text": "Job Failed. :red_circle:", "emoji": True}},
        {
            "type": "section",
            "fields": [{"type": "mrkdwn", "text": "*Job*: test"}, {"type": "mrkdwn", "text": "*Author*: ann"}],
        },
        {"type": "divider"},
        {
            "type": "context",
            "elements": [
                {"type": "image", "image_url": "x", "alt_text": "y"},
                {"type": "mrkdwn", "text": "~old~ _new_"},
            ],
        },
        {
            "type": "section",
            "text": {"type": "mrkdwn", "text": "See the log"},
            "accessory": {"type": "button", "text": {"text": "View"}, "url": "https://ci.example.org/1?a=1&amp;b=(2)"},
        },
    ],
}
CIRCLECI_SHOWN = """\
**Job Failed. :red_circle:**
**Job**: test
**Author**: ann
~~old~~ _new_
See the log
[View](https://ci.example.org/1?a=1&b=%282%29)"""

PAYLOADS: dict[str, tuple[dict[str, Any], str]] = {
    "GitHub action": (GITHUB_ACTION, GITHUB_ACTION_SHOWN),
    "Alertmanager": (ALERTMANAGER, ALERTMANAGER_SHOWN),
    "Grafana": (GRAFANA, GRAFANA_SHOWN),
    "Uptime Kuma": (UPTIME_KUMA, UPTIME_KUMA_SHOWN),
    "GitLab": (GITLAB, GITLAB_SHOWN),
    "Jenkins": (JENKINS, JENKINS_SHOWN),
    "CircleCI": (CIRCLECI, CIRCLECI_SHOWN),
}
