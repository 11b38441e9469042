-- A MachineTask, shown below its Machine: one that failed is Degraded for good, the Machine goes on with another.
if obj.metadata.deletionTimestamp ~= nil then
  return { status = "Progressing", message = "Being deleted" }
end

local status = obj.status or {}
local state = status.state or "Pending"
local healths = {
  Pending = "Progressing",
  Running = "Progressing",
  Written = "Progressing",
  Succeeded = "Healthy",
  Canceled = "Healthy",
  Failed = "Degraded",
  Expired = "Degraded",
}

local message = state
if status.reason ~= nil then message = message .. ": " .. status.reason end
if status.message ~= nil then message = message .. ": " .. status.message end
return { status = healths[state] or "Unknown", message = message }
