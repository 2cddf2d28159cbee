"""The jobs of the app: starting them, listening to them, and saying what came of each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textual import on, work

from engine.errors import PregaoError
from engine.i18n import _
from tui.app_base import DeskBase
from tui.messages import JobAsked
from tui.views.base import View
from tui.widgets.frame import JobStrip

if TYPE_CHECKING:
    from engine.jobs.client import JobClient
    from engine.store.job_ledger import Job


class DeskJobs(DeskBase):
    """Jobs run in processes of their own and go on when the app is closed."""

    _followed: dict[int, tuple[str, str, float | None]]
    #: Jobs whose failure is said by those who asked.
    _asked: set[int]

    @on(JobAsked)
    def _job_asked(self, event: JobAsked) -> None:
        self.start_job(event.kind, event.params, event.title)

    def start_job(self, kind: str, params: dict[str, Any], title: str) -> None:
        """Start a job in a process of its own; it goes on if the app is closed."""
        if self.jobs is None:
            self.say(_("The engine is still being prepared; try again in a moment."), "warning")
            return
        self._submit(kind, params)
        self.say(_("{title}: started; view 0 shows the jobs").format(title=title))

    @work(thread=True, group="submit", exit_on_error=False)
    def _submit(self, kind: str, params: dict[str, Any]) -> None:
        jobs = self.jobs
        if jobs is None:
            return
        try:
            jobs.submit(kind, params)
        except PregaoError as error:
            self.call_from_thread(self.say, error.message, "error", error.hint)
            return
        self.call_from_thread(self._follow_jobs)

    @work(group="ask", exclusive=True, exit_on_error=False)
    async def ask_job(self, kind: str, params: dict[str, Any], done: Callable[[Job], None]) -> None:
        """Have something short worked out in a process of its own, where its libraries are loaded, and go on with what came of it."""
        jobs = self.jobs
        if jobs is None:
            self.say(_("The engine is still being prepared; try again in a moment."), "warning")
            return
        try:
            job_id = await asyncio.to_thread(jobs.submit, kind, params)
            self._asked.add(job_id)
            async for event in jobs.attach(job_id):
                if event.kind == "finished":
                    break
            job = jobs.job(job_id)
        except PregaoError as error:
            self.say(error.message, "error", error.hint)
            return
        if job.status == "done":
            done(job)
        else:
            said = job.error or {}
            self.say(str(said.get("message") or job.note), "error", str(said.get("hint") or ""))

    def _follow_jobs(self) -> None:
        """Listen to every job that runs, whoever started it."""
        with self._told():
            for job in self.jobs.active() if self.jobs is not None else ():
                if job.id not in self._followed:
                    self._followed[job.id] = (job.kind, "", None)
                    self._follow(self.jobs, job.id, job.kind)  # type: ignore[arg-type]

    @work(group="jobs", exit_on_error=False)
    async def _follow(self, jobs: JobClient, job_id: int, kind: str) -> None:
        with self._told():
            async for event in jobs.attach(job_id):
                if event.kind == "progress":
                    done, total = event.payload["done"], event.payload["total"]
                    self._followed[job_id] = (kind, str(event.payload["note"] or ""), done / total if total else None)
                elif event.kind == "finished":
                    self._job_ended(jobs, job_id)
                    break
                self._show_jobs()
        self._followed.pop(job_id, None)
        self._show_jobs()

    def _job_ended(self, jobs: JobClient, job_id: int) -> None:
        from tui.names import kind_name, status_name

        job = jobs.job(job_id, result=False)
        hint = str(job.error.get("hint") or "") if job.error else ""
        came = str(job.error.get("message") or "") if job.error else job.note
        text = f"{kind_name(job.kind)} {job.id} {status_name(job.status)}: {came}"
        if job.status == "done" or job_id not in self._asked:
            self.say(text, "information" if job.status == "done" else "error", hint)
        self.call_later(self._watch)

    def _show_jobs(self) -> None:
        from tui.names import kind_name

        strip = self.query_one(JobStrip)
        if self._followed:
            job_id, (kind, note, share) = next(iter(self._followed.items()))
            strip.show(f"{kind_name(kind)} {job_id} {note}", share)
        else:
            strip.show("", None)
        for view in self.switcher.query(View):
            if view.is_mounted:
                view.jobs_changed()

    def running(self, kind: str) -> tuple[int, str, float | None] | None:
        """The job of this kind that runs, what it said last, and how much of it is done (None while that is not known)."""
        found = [(job_id, note, share) for job_id, (held, note, share) in self._followed.items() if held == kind]
        return found[-1] if found else None

    def action_cancel_job(self) -> None:
        """Ask the job that the view shows to stop, else the one in the strip."""
        job_id = self.active_view.job_to_cancel() or next(iter(self._followed), None)
        if job_id is None:
            self.say(_("No job is running."))
            return
        self._cancel(job_id)
        self.say(_("Cancelling job {id}...").format(id=job_id))

    @work(thread=True, group="submit", exit_on_error=False)
    def _cancel(self, job_id: int) -> None:
        try:
            if self.jobs is not None:
                self.jobs.cancel(job_id)
        except PregaoError as error:
            self.call_from_thread(self.say, error.message, "error", error.hint)

    def show_job(self, job_id: int) -> None:
        """A page about one job."""
        from tui.job_panel import job_text
        from tui.screens.dialogs import Reader

        if self.jobs is not None:
            with self._told():
                self.push_screen(Reader(_("Job"), job_text(self.jobs.job(job_id), self.jobs.events(job_id))))
