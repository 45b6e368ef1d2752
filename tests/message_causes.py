"""How each message is caused: by a function, or in another test.

Messages of which another test expects at least three words in a row, or all words, need no entry here.
"""

from __future__ import annotations

import add_on_causes
import backend_causes
import server_causes
import training_causes
from add_on_causes import Cause

CAUSES: dict[str, Cause] = {**backend_causes.CAUSES, **training_causes.CAUSES, **server_causes.CAUSES,
                            **add_on_causes.CAUSES}
"""Message -> a function that raises or returns it."""

TESTED_IN: dict[str, tuple[str, str]] = {
    "The refiner was trained for …, because learning was finished early. Learn the clip again for the rest.":
        ("refine/test_result_preview.py", "The refiner was trained for 5 of 50 steps"),
    "Cannot use …: …. Check its permissions, or choose another file.":
        ("common/test_failures.py", "Check its permissions, or choose another file"),
    "The system refused a file or a connection: …. Run `headroom doctor`.":
        ("common/test_failures.py", "The system refused a file or a connection: Broken pipe"),
    "… has no job …. Choose one from 1 to ….": ("addon/test_batch.py", "has no job 3. Choose one from 1 to 2."),
    "A worker has Headroom …, this is …. Install the same on all machines.":
        ("cli/test_dask_workers.py", "A worker has Headroom 0.0.1, this is"),
    "Job …, which makes what this one needs, failed.":
        ("cli/test_batch_workers.py", "Job 2, which makes what this one needs, failed."),
    "There are no chunks in …. Prepare them with --chunk.":
        ("addon/test_chunks.py", "There are no chunks in .* Prepare them with --chunk"),
    "… cannot be read; prepare the corpus again in another folder.":
        ("training/test_shards.py", "cannot be read; prepare the corpus again in another folder"),
    "… cannot be read; remove it and prepare the corpus again.":
        ("training/test_shards.py", "cannot be read; remove it and prepare the corpus again"),
    "… cannot be read; remove … and prepare the corpus again.":
        ("training/test_shards.py", r"cannot be read; remove .*000001\.tar and prepare the corpus again"),
    "No shard of the corpus has a clip that can be used; run `train corpus` to its end, and see its left_out.csv for "
    "the reasons.": ("training/test_shard_training.py", "No shard of the corpus has a clip that can be used"),
    "… was changed after the corpus was planned; prepare the corpus again in another folder.":
        ("training/test_shards.py", r"was changed after the corpus was planned"),
    "Two data sets have the name …, which tells their clips apart; rename a folder.":
        ("training/test_shards.py", "Two data sets have the name clips"),
    "… has … of … shards; `train corpus` prepares the others.":
        ("training/test_shard_training.py", "has 6 of 7 shards; `train corpus` prepares the others"),
    "The scheduler at … has no workers. Start some with `dask worker … --nthreads 1`.":
        ("cli/test_dask_workers.py", "has no workers. Start some with"),
    "A backend is using …. Close Blender or stop the server, and run the command again.":
        ("cli/test_forget.py", "Close Blender or stop the server, and run the command again."),
    "Cannot remove …: …. Close what uses it or change its permissions, and run the command again.":
        ("cli/test_forget.py", "Close what uses it or change its permissions, and run the command again."),
    "The certificate in … cannot be used: …. Choose a PEM file with a private key and its certificate for content "
    "credentials.": ("media/test_credentials.py", r"The certificate in .*studio\.pem cannot be used"),
    "The watermark is switched off.": ("track/test_watermark.py", "The watermark is switched off."),
    "A movie has no watermark, because … is off":
        ("track/test_watermark.py", "A movie has no watermark, because HEADROOM_WATERMARK is off"),
    "A face was found for only … of … seconds, so the watermark cannot be found again in the movie.":
        ("track/test_watermark.py", "A face was found for only 0.0 of 0.2 seconds"),
    "The label cannot be drawn, because its font lacks …. Use Latin, Greek or Cyrillic letters.":
        ("media/test_label.py", "The label cannot be drawn, because its font lacks '生'"),
    "The label … cannot be read in a picture of … x … pixels. Use a shorter one, or none.":
        ("media/test_label.py", "The label 'AI-generated' cannot be read in a picture of 40 x 40 pixels"),
    "The content credentials of … cannot be written: …. Choose --no-credentials to go without them.":
        ("media/test_credentials.py", "The content credentials of Robin cannot be written"),
    "The content credentials of … are damaged and cannot be kept.":
        ("media/test_credentials.py", "The content credentials of signed.mp4 are damaged and cannot be kept."),
    "Content credentials are switched off, so the file does not say in a signed form that it is AI-generated.":
        ("media/test_credentials.py", "Content credentials are switched off"),
    "… has no content credentials, because … is off":
        ("media/test_credentials.py", "Robin has no content credentials, because HEADROOM_CREDENTIALS is off"),
    "Files that end in … cannot carry content credentials; use .mp4, .mov or .png.":
        ("media/test_credentials.py", "Files that end in .mkv cannot carry content credentials"),
    "… withdrew their consent on …; make nothing more, and remove the subject with `headroom forget`.":
        ("subject/test_consent.py", "Robin withdrew their consent on"),
    "The consent of … ended on …; ask again, and record the answer with `headroom consent`.":
        ("subject/test_consent.py", "The consent of Robin ended on 2020-05-02"),
    "… agreed to these uses only: …; name the one that this is for with --use, or in the panel under Subject.":
        ("subject/test_consent.py", "Robin agreed to these uses only: Film A; name the one"),
    "… did not agree to the use …, only to: …; ask, and record the answer with `headroom consent`.":
        ("subject/test_consent.py", "Robin did not agree to the use Film C, only to: Film A, Film B"),
    "… is not a day; write it as in 2027-05-02.":
        ("subject/test_consent.py", "next May is not a day; write it as in 2027-05-02."),
    "The certificate of the server at … has expired. Ask whoever runs the server for a new one.":
        ("server/test_secure_client.py", "has expired. Ask whoever runs"),
    "The file is larger than the … GB that the server takes. Send a shorter one.":
        ("server/test_open_server.py", "The file is larger than the 0.001 GB that the server takes."),
    "The request is longer than … MB, or does not say how long it is. Ask for fewer frames at a time.":
        ("server/test_open_server.py", "The request is longer than 16 MB, or does not say how long it is."),
    "The limit … in … cannot be used: …. Correct it.": ("server/test_access.py", "The limit user_gb in"),
    "The server is stopping and takes no more jobs. Try again once it is running again.":
        ("server/test_stopping.py", "The server is stopping and takes no more jobs. "),
    "There is no token … that could be revoked. `headroom serve token list` shows all.":
        ("server/test_access.py", "There is no token anna that could be revoked"),
    "This job took more than the … minutes that the server allows. Choose a shorter clip or fewer frames.":
        ("server/test_open_server.py", "This job took more than the 0.03 minutes that the server allows."),
    "You have … jobs that wait or run, and the server takes no more of one user. Wait until some have ended.":
        ("server/test_open_server.py", "You have 3 jobs that wait or run"),
    "Your files would take more than the … GB that the server gives you. Files that you do not use are removed after "
    "… days.": ("server/test_open_server.py", "Your files would take more than the 0.0021 GB"),
    "… bytes of this file have arrived, not …. Send it again.":
        ("server/test_uploads.py", "0 bytes of this file have arrived, not 7. Send it again."),
    "… is no last day of a token; write it as in 2027-05-02.":
        ("server/test_access.py", "2027-02-30 is no last day of a token"),
    "A face was found in only … of … frames. Choose a part of the clip where the face stays visible.":
        ("test_bad_input.py", "only .* of 75 frames"),
    "Only … s are usable. Learning needs … s, better 12.":
        ("evaluation/test_clip_check.py", "Only 1.1 s are usable. Learning needs 2 s"),
    "… % of the pictures are missing. Export the clip again at the rate at which it was filmed.":
        ("evaluation/test_clip_check.py", "30 % of the pictures are missing"),
    "The face is blurred in … % of the frames. Use a shorter exposure.":
        ("evaluation/test_clip_check.py", "The face is blurred in 40 %"),
    "Audio track … of … was written to …, where the .blend finds it.":
        ("addon/test_audio_tracks.py", "Audio track 2 of speech.mkv was written to"),
    "… people are seen. Choose one with --face; the contact sheet of --output numbers them.":
        ("evaluation/test_clip_check.py", "3 people are seen"),
    "… shows … people: …. Choose the face to learn by its number.":
        ("track/test_several_people.py", "shows 2 people: 1 at"),
    "… … shows the numbers, for --face.":
        ("track/test_several_people.py", "shows the numbers, for --face"),
    "… has no face …, because it shows only …. Choose a lower number.":
        ("track/test_several_people.py", "has no face 3, because it shows only 2"),
    "The person is seen at one place in the picture for only … s of …; choose a part in which that lasts at least … s.":
        ("track/test_several_people.py", "at one place in the picture for only"),
    "Only … were used, where the person is seen at one place in the picture.":
        ("track/test_several_people.py", "were used, where the person is seen at one place"),
    "The face is too …. Change light or exposure.":
        ("evaluation/test_clip_check.py", "The face is too dark"),
    "The picture changes at once at … s, as at a cut. The best part is from … to … s; learn from that.":
        ("evaluation/test_clip_check.py", "The picture changes at once at 3.0, 7.5 s"),
    "The sound is … ms … than the lips. Learning corrects that; where the file is at fault, export the clip again.":
        ("evaluation/test_clip_check.py", "The sound is 200 ms earlier than the lips"),
    "… was converted while it was read: ….":
        ("media/test_sound_kinds.py", "both.mkv was converted while it was read: "),
    "… has … audio tracks and no track …; choose another number.":
        ("media/test_sound_kinds.py", "3 audio tracks and no track 4"),
    "Blender cannot open …. Choose a .blend file.": ("addon/test_batch.py", "cannot open"),
    "Blender could not render frame …: …. Render again when no other render is running.":
        ("addon/test_rendering.py", "Blender could not render frame 7"),
    "Blender failed: …. Run `headroom doctor`.": ("cli/test_make_shot.py", "Blender failed: it left no message"),
    "Blender needs a system library (…). Install it with `apt install …`; `headroom doctor` lists everything missing.":
        ("cli/test_make_shot.py", "apt install libxi6"),
    "Blender wrote no picture of frame …. Render again when no other render is running.":
        ("addon/test_rendering.py", "Blender wrote no picture of frame 7"),
    "Frame … is outside the scene's frame range … to …. Move to a frame inside it.":
        ("addon/test_dirty_frames.py", "outside the scene's frame range"),
    "Internal error (…: …). Report it as a bug.":
        ("addon/test_batch.py", "Internal error (ZeroDivisionError: unexpected)"),
    "Learned from one photo: the inside of the mouth and the parts of the face that it does not show are synthetic, "
    "and speech and head motion are those of an average speaker. A clip of twelve seconds gives the person's own.":
        ("subject/test_photo.py", "one photo"),
    "Learned from … to … s of the clip's … s.":
        ("subject/test_clip.py", "Learned from 5.0 to 35.0 s of the clip's 45.0 s."),
    "Learned with the bundled networks instead of the former ….":
        ("subject/test_learn.py", "Learned with the bundled networks instead of the former arcface and resnet18."),
    "Learning a person needs their consent. Confirm that the person shown has agreed.":
        ("addon/test_cli.py", '"consent" in err[-1]'),
    "Less than two seconds of the clip have both picture and sound. Choose a longer clip.":
        ("motion/test_motion_personal.py", "two seconds"),
    "No face found in the clip. Choose a clip where the face is visible and lit.": ("test_bad_input.py", "[Nn]o face"),
    "No face found in …. Choose a photo that shows one face from the front.":
        ("subject/test_photo.py", "No face found in bad.png"),
    "No preview range": ("addon/test_span_edits.py", "No preview range"),
    "None of the … clips can be used. …": ("training/test_runs.py", "None of the 1 clips can be used"),
    "Online access is off, so only a server on this machine can be used":
        ("addon/test_panel_buttons.py", "Online access is off"),
    "Online access is off. Enable Allow Online Access in the preferences, under System":
        ("addon/test_first_steps.py", r"Online access is off.*under System"),
    "Only … s of the clip to learn from; choose a part of at least … s, better 12 s.":
        ("test_bad_input.py", r"1\.6 s"),
    "Saved by a newer version of Headroom: …. Update the extension":
        ("addon/test_reasons.py", "Saved by a newer version of Headroom: Zoë Shot. Update the extension"),
    "Stopped; nothing was written.": ("cli/test_command_line.py", '(KeyboardInterrupt(), 130, "Stopped")'),
    "The backend cannot run (…: …). …": ("addon/test_environment.py", r"OpenGL: none\)\. Run `apt install it`"),
    "The backend's checks failed: …. Repair the backend.":
        ("addon/test_environment.py", "The backend's checks failed: a library is missing"),
    "The backend's worker process was killed while it ran this job, most often because memory ran out.":
        ("server/test_cancelled_jobs.py", r"was killed .* Close other programs and start the job again"),
    "The face in … is only … pixels high; choose a larger photo, of at least … pixels from hairline to chin.":
        ("subject/test_photo.py", "pixels high"),
    "The job … of an older version cannot be read and is removed: …":
        ("server/test_older_data_folders.py", "cannot be read and is removed"),
    "The plot shows the first … s of the speech's … s.":
        ("evaluation/test_performance_plot.py", "The plot shows the first 2 s of the speech's 5 s."),
    "The setting … cannot be used: …. Correct it.":
        ("cli/test_command_line.py", "The setting from_seconds cannot be used:"),
    "The … … does not exist. Choose another file.": ("addon/test_cli.py", "does not exist. Choose another file."),
    "Tracking is uncertain in the clip from … to … s":
        ("addon/test_watching.py", "Tracking is uncertain in the clip from 1.0 to 2.5 s"),
    "Unexpected error in the backend: …. See its log in …":
        ("server/test_runner.py", "Unexpected error in the backend: ZeroDivisionError"),
    "… cannot be read; install Headroom again.": ("refine/test_memory.py", "install Headroom again"),
    "There are no controls for … to hold, because the head's face model is not on this machine. Import the model, or "
    "write .npz.": ("subject/test_performance_files.py", r"There are no controls for take\.csv to hold"),
    "… has the motion of the 52 ARKit shapes alone. Use --detail to export all of the motion.":
        ("subject/test_export_head.py", "has the motion of the 52 ARKit shapes alone"),
    "… has the controls without the detail. Write .npz to keep all of the motion.":
        ("subject/test_performance_files.py", "has the controls without the detail"),
    "--neutral needs no subject; leave … out.":
        ("cli/test_command_options.py", "--neutral needs no subject; leave s out."),
    "… has no controls for a character. Perform the speech again.":
        ("addon/test_transfer.py", "has no controls for a character"),
    "… has no bone …. Choose another bone.": ("addon/test_transfer.py", "has no bone gone"),
    "… has no scene …. Choose one of its scenes: ….": ("addon/test_batch.py", "has no scene X"),
    "… has no sound. Choose a file with an audio track.": ("media/test_audio.py", '("mute.mp4", "no sound")'),
    "… holds …, which do not belong to a subject and would be overwritten; choose another folder.":
        ("subject/test_folder.py", r"holds sound\.wav, which do not belong to a subject"),
    "… holds …, which would be overwritten; choose another folder.":
        ("common/test_outputs.py", "which would be overwritten; choose another folder"),
    "Hardly heard: …. Compare the transcript with the recording.":
        ("motion/test_word_alignment.py", "Hardly heard: Wishlewush. Compare the transcript with the recording."),
    "The transcript has … words, too many for … s of speech. Enter only what is said.":
        ("motion/test_word_alignment.py", r"has 400 words, too many for 5\.4 s"),
    "… moves no control of this head. Learn the subject again.":
        ("addon/test_poses.py", r"Other moves no control of this head\."),
    "This head has no controls. Learn the subject again": ("addon/test_poses.py", "This head has no controls"),
    "… was removed while it was written. Transfer again.":
        ("addon/test_transfer.py", r"Character was removed while it was written\. Transfer again\."),
    "… is write-protected; choose another name.": ("common/test_outputs.py", "is write-protected"),
    "… is for the …; import that face model to use it.":
        ("track/test_regressor_deep3d.py", 'match="Basel Face Model 2009"'),
    "… is held out for measuring (weights/people.toml); leave it out of training.":
        ("training/test_corpus.py", "is held out for measuring"),
    "… is silent; choose a recording with speech in it.": ("test_bad_input.py", '"silent"'),
    "… lasts … s, too short to learn … s and measure on at least … s; choose fewer --train-seconds.":
        ("evaluation/test_evaluate.py", "too short"),
    "… to …: …° off": ("addon/test_watching.py", "5 to 9: 6° off"),
    "… must end in …; choose another performance.":
        ("subject/test_performance_files.py", r"must end in \.npz, \.csv, \.json; choose another performance"),
    "… was left out: …": ("training/test_runs.py", "AFTER_00002.mp4 was left out: No face found"),
    "… was saved by a newer version of Headroom. Update the extension.":
        ("addon/test_saved_shot.py", r"newer version of Headroom\. Update the extension"),
    "… was written by a newer version of Headroom. Update Headroom, or choose another data folder.":
        ("server/test_older_data_folders.py", r"jobs-1.sqlite was written by a newer version of Headroom\. Update"),
    "…. Start Blender with --online-mode.": ("addon/test_batch.py", '"--online-mode" in err[-1]'),
}
"""Message -> the test module that causes it, and the text there by which it recognises the message."""
