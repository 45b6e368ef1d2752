// The job type of Flamenco that runs a job file of Headroom. `headroom batch FILE --flamenco JOB.json` writes jobs of it.

const JOB_TYPE = {
    label: "Headroom Batch",
    description: "Runs the jobs of a Headroom job file, each when those that it waits for are done.",
    settings: [
        { key: "job_file", type: "string", subtype: "file_path", required: true, visible: true },
        // a list of {number, name, after} as JSON; `after` has the numbers of the tasks to wait for
        { key: "tasks", type: "string", required: true, visible: false },
        { key: "headroom", type: "string", required: false, default: "headroom", visible: true },
    ],
};

function compileJob(job) {
    const settings = job.settings;
    const tasks = {};
    for (const each of JSON.parse(settings.tasks)) {
        const task = author.Task(each.name, "misc");
        task.addCommand(author.Command("exec", {
            exe: settings.headroom || "headroom",
            args: ["batch", settings.job_file, "--only", String(each.number)],
        }));
        for (const number of each.after) {
            task.addDependency(tasks[number]);
        }
        tasks[each.number] = task;
        job.addTask(task);
    }
}
